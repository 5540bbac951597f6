/** Text of HTML whose user data is escaped. */
export interface Markup {
  readonly markup: string;
}

export type Content = Markup | string | number | undefined | readonly Content[];

/**
 * Makes markup of a template. Texts are escaped, markup is taken as it is, members of lists follow each other, and undefined is
 * nothing.
 */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = parts[0];
  contents.forEach((content, i) => text += textOf(content) + parts[i + 1]);
  return { markup: text };
}

function textOf(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "string") return escaped(content);
  if (typeof content === "number") return String(content);
  return "markup" in content ? content.markup : content.map(textOf).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return shownText(text).replace(/[&<>"']/g, (character) => entities[character]);
}

/** Replaces what a page cannot show or what changes the direction of the text around it: controls, lone surrogates. */
export function shownText(text: string): string {
  return text.toWellFormed().replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (found) => /\s/.test(found) ? " " : "\ufffd",
  );
}

/** Shortens a text in its middle: what begins alike often differs at the end. */
export function shortenedInside(text: string, lengthMax: number): string {
  const characters = [...shownText(text)];
  if (characters.length <= lengthMax) return characters.join("");
  const end = Math.floor(0.5 * lengthMax);
  return `${characters.slice(0, lengthMax - 1 - end).join("")}…${characters.slice(-end).join("")}`;
}

/** Shortens a text to `lengthMax` characters, of which the last is then an ellipsis. */
export function shortened(text: string, lengthMax: number): string {
  const characters = [...shownText(text)];
  return characters.length <= lengthMax
    ? characters.join("")
    : `${characters.slice(0, lengthMax - 1).join("")}…`;
}
