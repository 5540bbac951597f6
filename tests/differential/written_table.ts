import assert from "node:assert/strict";
import { join } from "node:path";
import type { TextFormat } from "../../pipeline/files/text/text_format.ts";
import { root } from "../support/program.ts";
import { differentialPython } from "./install.ts";

/** A file of another program, and what pyarrow reads in it. */
export interface WrittenTable {
  readonly number: number;
  readonly path: string;
  /** The program, with its settings. */
  readonly writer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Why the other program did not write it. */
  readonly unwritten?: string;
  /** Why pyarrow does not read it. */
  readonly error?: string;
  readonly rows: number;
  readonly columns: readonly WrittenColumn[];
  /** Its columns of plain types as CSV and newline-delimited JSON. */
  readonly texts: readonly WrittenText[];
}

/** The same table as text. */
export interface WrittenText {
  readonly path: string;
  readonly writer: string;
  readonly columns: readonly string[];
  /** Properties that a reader cannot detect. */
  readonly format: TextFormat;
}

/** Values of a column, each in one spelling; `bytes` in hexadecimal. Kinds that are not for tables have none. */
export type WrittenColumn = { readonly name: string } & WrittenValues;

export type WrittenValues =
  | { readonly kind: "boolean"; readonly values: readonly (boolean | null)[] }
  | { readonly kind: "real"; readonly bits: number; readonly values: Spelled; readonly short: Spelled }
  | { readonly kind: "decimal"; readonly scale: number; readonly precision: number; readonly values: Spelled }
  | {
    readonly kind: "time";
    readonly unit: "day" | "s" | "ms" | "us" | "ns";
    readonly values: Spelled;
  }
  | { readonly kind: "integer" | "bytes" | "uuid" | "null"; readonly values: Spelled }
  | { readonly kind: "clock" | "nested" | "other"; readonly values: readonly never[] };

export type Spelled = readonly (string | null)[];

/** Makes tables in a folder: the same ones for a seed. */
export function makeTables(folder: string, seed: number, count: number): Promise<WrittenTable[]> {
  return runScript(folder, [String(seed), String(count)]);
}

/** Describes files that are there. */
export function describeFiles(folder: string, paths: readonly string[]): Promise<WrittenTable[]> {
  return runScript(folder, ["--read", ...paths]);
}

async function runScript(folder: string, args: readonly string[]): Promise<WrittenTable[]> {
  const { code, stderr } = await new Deno.Command(differentialPython, {
    args: [join(root, "tests/differential/tables.py"), folder, ...args],
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const lines = Deno.readTextFileSync(join(folder, "tables.ndjson")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}
