/**
 * Escapes what would control a terminal: control characters, and those that change the direction of writing. Escapes are
 * those of JSON, so that JSON keeps its meaning. Line feeds and tabs stay.
 */
export function printableText(text: string): string {
  return steering.test(text) ? text.replace(allSteering, (found) => found.replace(/[^]/g, escaped)) : text;
}

/** Escapes line feeds, too: a line of user data must not look like one of the program. */
export function printableLine(line: string): string {
  return printableText(line).replaceAll("\n", "\\u000a");
}

const steering = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const allSteering = new RegExp(steering, "gu");

/** @param unit One code unit. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
