type Cell = string | number | bigint | boolean | Date | null | undefined;

/** Returns rows as CSV with a header, quoting what needs it; a missing value is an empty field. */
export function csvOf(
  rows: readonly Readonly<Record<string, Cell>>[],
  { delimiter = ",", decimalComma = false } = {},
): string {
  const names = Object.keys(rows[0]);
  const fieldOf = (cell: Cell): string => {
    if (cell === null || cell === undefined) return "";
    const text = String(cell);
    return typeof cell === "number" && decimalComma ? text.replace(".", ",") : text;
  };
  const quoted = (field: string) =>
    field.includes(delimiter) || /["\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
  const lines = rows.map((row) => names.map((name) => quoted(fieldOf(row[name]))));
  return [names.map(quoted), ...lines].map((fields) => `${fields.join(delimiter)}\n`).join("");
}

/** Encodes a text of Latin letters, whose bytes in windows-1252 are their code points. */
export function windows1252Of(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    if (code > 0xff || (code > 0x7f && code < 0xa0)) throw new Error(`${character} is not Latin`);
    return code;
  });
}
