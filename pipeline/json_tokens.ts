/** Where the tokens of a JSON text are. */

export const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
export const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Returns the position after a string's closing quote; the end of the text if there is none.
 *
 * @param at The opening quote, or a character of the string that is not escaped.
 */
export function endOfString(text: string, at: number): number {
  for (let from = at + 1;;) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
    from = end + 1;
  }
}

/** Returns the position of the first character from `at` that is not white space. */
export function skipSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
