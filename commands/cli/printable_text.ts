/**
 * A text for a terminal: what would steer it (control characters, and those that turn the direction of writing) is spelt out, in
 * the way of JSON, so that JSON stays what it is. Lines and tabs stay.
 */
export function printableText(text: string): string {
  return steering.test(text) ? text.replace(allSteering, (found) => found.replace(/[^]/g, escaped)) : text;
}

/** The same of one line: what is another line in it would look like one of the program's own. */
export function printableLine(line: string): string {
  return printableText(line).replaceAll("\n", "\\u000a");
}

const steering = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const allSteering = new RegExp(steering, "gu");

/** @param unit One code unit. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
