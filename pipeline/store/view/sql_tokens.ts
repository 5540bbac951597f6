/** A token of SQL. Comments and white space are none. */
export interface Token {
  /** `word`: a keyword or a bare name; `quoted`: a name in quotes, without them; `other`: a number, a text or a sign. */
  readonly kind: "word" | "quoted" | "other";
  readonly text: string;
}

const pattern = new RegExp(
  [
    String.raw`(?<skipped>\s+|--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<quoted>"(?:[^"]|"")*"|\`(?:[^\`]|\`\`)*\`|\[[^\]]*\])`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`'(?:[^']|'')*'|\.?\d[\w.]*|[^]`,
  ].join("|"),
  "g",
);

/** Splits SQL that SQLite has accepted into tokens. @see https://sqlite.org/lang_keywords.html for the quotes of names. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const { 0: text, groups: { skipped, quoted, word } = {} } of sql.matchAll(pattern)) {
    if (skipped !== undefined) continue;
    if (quoted !== undefined) tokens.push({ kind: "quoted", text: unquoted(quoted) });
    else tokens.push({ kind: word === undefined ? "other" : "word", text });
  }
  return tokens;
}

/** Returns the name in quotes of any kind. */
function unquoted(text: string): string {
  const [quote] = text;
  const inner = text.slice(1, -1);
  return quote === "[" ? inner : inner.replaceAll(quote + quote, quote);
}

export function isKeyword(token: Token | undefined, keyword: string): boolean {
  return token?.kind === "word" && token.text.toUpperCase() === keyword;
}

export function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === "other" && token.text === sign;
}

/**
 * Matches tokens with a pattern of keywords and signs, in which `?` stands for a name.
 *
 * @param pattern Its parts are separated by spaces: `? . ? = ? . ?`.
 * @returns The names in their order; undefined if the tokens do not match.
 */
export function namesIn(tokens: readonly Token[], pattern: string): string[] | undefined {
  const parts = pattern.split(" ");
  if (tokens.length !== parts.length) return undefined;
  const matches = parts.every((part, i) => {
    const token = tokens[i];
    if (part === "?") return token.kind !== "other";
    return /\w/.test(part) && token.kind === "word"
      ? isKeyword(token, part)
      : token.kind === "other" && token.text === part;
  });
  return matches ? tokens.flatMap(({ text }, i) => parts[i] === "?" ? [text] : []) : undefined;
}

/** Returns whether two names are one in SQL, which ignores the case of A to Z only. */
export function isSameName(a: string, b: string): boolean {
  return a === b || folded(a) === folded(b);
}

function folded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
