/** What all rows of one source have in common as JSON texts: all but the values. */
export interface TextLayout {
  /** What precedes each value, and what follows the last one, in UTF-8. */
  readonly between: DataView;
  /** Shape (fields + 1): where each of these parts ends. */
  readonly ends: Int32Array;
  /** Shape (fields): the field of each value. */
  readonly fieldOf: Int32Array;
}

const space = "[ \\t\\n\\r]*";
const name = `"([^"\\\\\\u0000-\\u001f]*)"`;
const value = `(?:"[^"\\\\]*"|[^ \\t\\n\\r,}"]+)`;
const member = new RegExp(`(${space}([{,])${space}${name}${space}:${space})${value}`, "y");
const end = new RegExp(`${space}}${space}$`, "y");
const utf8 = new TextEncoder();

/** @returns undefined for a text that is not an object with exactly the named members, or has escapes. Its values are not checked. */
export function layoutOf(text: string, names: readonly string[]): TextLayout | undefined {
  const fields = new Map(names.map((name, field) => [name, field]));
  const parts: string[] = [];
  const fieldOf: number[] = [];
  member.lastIndex = end.lastIndex = 0;
  for (let found = member.exec(text); found; found = member.exec(text)) {
    const [, part, mark, name] = found;
    const field = fields.get(name);
    if (field === undefined || mark !== (parts.length === 0 ? "{" : ",")) return undefined;
    // A second member of that name would take the place of the first.
    fields.delete(name);
    parts.push(part);
    fieldOf.push(field);
    end.lastIndex = member.lastIndex;
  }
  const last = end.exec(text)?.[0];
  if (last === undefined || fields.size > 0) return undefined;
  let length = 0;
  const ends = [...parts, last].map((part) => length += utf8.encode(part).length);
  return {
    between: new DataView(utf8.encode(parts.join("") + last).buffer),
    ends: Int32Array.from(ends),
    fieldOf: Int32Array.from(fieldOf),
  };
}
