import type { TextFormat } from "./text_format.ts";
import type { TextWindow } from "./text_window.ts";

/** Candidates for the delimiter: the most frequent one in the header, outside quotes; on a tie the first. */
const candidates = [",", ";", "\t", "|"];
const quote = 0x22;

/** The line before the header that gives Excel the delimiter. Latin 1 has a character for each byte. */
const separatorLine = /^"?sep=([\t -~])"?(\r\n|\n|\r|$)/i;
const separatorLineMax = 16;
const latin1 = new TextDecoder("latin1");

/**
 * Chooses the delimiter of a file at its start, and passes over a line before the header that says it, as `sep=;`.
 *
 * @param named The delimiter that the user gave. @returns Its byte.
 */
export function chooseDelimiter(window: TextWindow, named: string | undefined): number {
  const { bytes, start, end } = window;
  const said = separatorLine.exec(
    latin1.decode(bytes.subarray(start, Math.min(end, start + separatorLineMax))),
  );
  if (said) window.moveTo(start + said[0].length);
  if (named !== undefined) return named.charCodeAt(0);
  if (said) return said[1].charCodeAt(0);
  const counts = countInHeader(window);
  let best = 0;
  for (let i = 1; i < candidates.length; i++) if (counts[i] > counts[best]) best = i;
  return candidates[best].charCodeAt(0);
}

function countInHeader({ bytes, start, end }: TextWindow): number[] {
  const codes = candidates.map((character) => character.charCodeAt(0));
  const counts = candidates.map(() => 0);
  let isQuoted = false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === quote) isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (byte === 0x0a || byte === 0x0d) {
      // Skips blank lines before the header.
      if (bytes.subarray(start, i).some((before) => before !== 0x0a && before !== 0x0d)) break;
    } else {
      const at = codes.indexOf(byte);
      if (at >= 0) counts[at]++;
    }
  }
  return counts;
}

/** Returns a hint for missing columns; empty if the delimiter is certain. */
export function delimiterHint(
  columnNames: readonly string[],
  delimiter: number,
  { delimiter: named }: TextFormat,
): string {
  const used = spelled(String.fromCharCode(delimiter));
  if (named !== undefined) {
    return columnNames.length === 1 ? `Its header has no ${used}, the delimiter given by --delimiter.` : "";
  }
  const others = candidates.filter((candidate) =>
    candidate.charCodeAt(0) !== delimiter && columnNames.some((name) => name.includes(candidate))
  );
  if (columnNames.length > 1 && others.length === 0) return "";
  const count = columnNames.length === 1 ? "one column" : `${columnNames.length} columns`;
  return `Its header is ${count}, separated by ${used}. If the delimiter is another one, give it with --delimiter.`;
}

function spelled(delimiter: string): string {
  return delimiter === "\t" ? "tab" : JSON.stringify(delimiter);
}
