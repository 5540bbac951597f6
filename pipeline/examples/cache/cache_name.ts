import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import process from "node:process";
import type { Store } from "../../store/store.ts";
import { isKeyword, isSign, type Token, tokensOf } from "../../store/view/sql_tokens.ts";
import { version } from "../../version.ts";
import { inputColumnsOf } from "../input_columns.ts";
import type { ReadSpec } from "../spec.ts";

/** Version of the layout of a cache file. */
const layoutVersion = 3;
const prefix = "examples-";
const suffix = ".cache";
const hashLength = 16;

/** Names of the files that keep examples: `examples-TABLES-CONTENTS.cache`, with hashes of what they were read from. */
export const cacheName = {
  /** @param tables Hash of the tables and the schema. @param contents Hash of what is read from them, and how it is encoded. */
  of: (tables: string, contents: string): string => `${prefix}${tables}-${contents}${suffix}`,
  isOne: (name: string): boolean => name.startsWith(prefix) && name.endsWith(suffix),
  /** Whether two files were read from the same tables. */
  isSameTables: (a: string, b: string): boolean => tablesIn(a) === tablesIn(b),
};

function tablesIn(name: string): string {
  return name.slice(prefix.length, prefix.length + hashLength);
}

/**
 * Returns a hash of the state of the tables' file and of its schema, which any write changes.
 *
 * @returns undefined if reading the same tables twice can give different examples, as with `date('now')` in a view.
 */
export function hashOfTables({ db, path }: Store): string | undefined {
  const schema = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
  const views = schema.flatMap(({ type, sql }) => type === "view" ? [tokensOf(String(sql))] : []);
  if (views.some(dependsOnMoment)) return undefined;
  return shortHash([layoutVersion, version, schema, stateOf(path)]);
}

/** Returns a hash of what a spec reads from the tables. */
export function hashOfFields(spec: ReadSpec): string {
  const { view, id, label, positive, group, weight, time, features, splitHash } = spec;
  return shortHash([view, id, label, positive, group, weight, time, inputColumnsOf(features), splitHash]);
}

/** Returns a hash of how examples of a spec are split and encoded. @param preparation All that decides it beside the spec. */
export function hashOfDesign(spec: ReadSpec, preparation: unknown): string {
  return shortHash([hashOfFields(spec), spec, preparation, process.versions.v8]);
}

function shortHash(of: unknown): string {
  return createHash("sha256").update(JSON.stringify(of)).digest("hex").slice(0, hashLength);
}

const headerBytes = 100;
/** The header of the WAL index, whose counter rises with each transaction. */
const walIndexBytes = 48;

/**
 * Returns what every write to a SQLite file changes: a transaction raises the change counter of the header, or the counter of
 * the WAL index. Size, time and inode tell another file at the same path.
 *
 * @see https://sqlite.org/fileformat2.html#file_change_counter and https://sqlite.org/walformat.html#walidxfmt
 */
function stateOf(path: string): unknown {
  return [[path, headerBytes], [`${path}-wal`, 32], [`${path}-shm`, walIndexBytes]].map(([path, count]) => {
    const stat = statSync(path as string, { bigint: true, throwIfNoEntry: false });
    // The system also changes the time of a memory-mapped WAL index.
    const isMapped = String(path).endsWith("-shm");
    return stat === undefined ? null : [
      isMapped ? 0 : String(stat.mtimeNs),
      String(stat.ino),
      String(stat.size),
      headOf(String(path), Number(count)),
    ];
  });
}

function headOf(path: string, count: number): string {
  const bytes = new Uint8Array(count);
  using file = Deno.openSync(path);
  const read = file.readSync(bytes) ?? 0;
  return bytes.subarray(0, read).toHex();
}

/** Functions and constants whose value is not determined by the rows. @see https://sqlite.org/deterministic.html */
const momentary = [
  "RANDOM",
  "RANDOMBLOB",
  "CURRENT_TIME",
  "CURRENT_DATE",
  "CURRENT_TIMESTAMP",
  "CHANGES",
  "TOTAL_CHANGES",
];
const timeFunctions = ["DATE", "TIME", "DATETIME", "JULIANDAY", "UNIXEPOCH", "STRFTIME", "TIMEDIFF"];

/** Whether a view's values depend on when it is read, or on chance. A time function without a time means now. */
function dependsOnMoment(tokens: readonly Token[]): boolean {
  return tokens.some((token, i) => {
    if (momentary.some((word) => isKeyword(token, word))) return true;
    if (token.kind === "other" && /^'\s*now\s*'$/i.test(token.text)) return true;
    if (!timeFunctions.some((word) => isKeyword(token, word)) || !isSign(tokens[i + 1], "(")) return false;
    // strftime('%Y') is now, too.
    const isShort = isKeyword(token, "STRFTIME") ? isSign(tokens[i + 3], ")") : false;
    return isSign(tokens[i + 2], ")") || isShort;
  });
}
