import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Returns a name as a quoted SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Splits `NAME<separator>REST`, as flags have it. A name that contains the separator is written as a quoted identifier.
 *
 * @returns undefined if there is no separator, or no name before it.
 */
export function splitName(text: string, separator: string): [name: string, rest: string] | undefined {
  const identifier = /^"(?:[^"]|"")+"/.exec(text)?.[0];
  const at = identifier === undefined ? text.indexOf(separator) : identifier.length;
  if (at < 1 || !text.startsWith(separator, at)) return undefined;
  return [unquoted(text.slice(0, at)), text.slice(at + separator.length)];
}

/** Returns the name that a quoted identifier stands for; any other text unchanged. */
export function unquoted(text: string): string {
  return /^"(?:[^"]|"")+"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/**
 * Makes a statement return its rows as arrays: an object per row would cost as much again as the row itself. Deno has the
 * method, but its types do not declare it yet.
 */
export function arrays(
  statement: StatementSync & { setReturnArrays?(enabled: boolean): void },
): StatementSync {
  statement.setReturnArrays?.(true);
  return statement;
}

/**
 * Limits the memory of a connection's page cache.
 *
 * SQLite converts the bytes into a number of pages when it executes the pragma, and assumes pages of 4 KiB until it has read
 * the file: before the first read, the limit would be four times as high as intended for a store. So the file is read first.
 */
export function limitCache(db: DatabaseSync, bytes: number): void {
  db.prepare("PRAGMA schema_version").get();
  db.exec(`PRAGMA cache_size = -${bytes / 1_024}`);
}
