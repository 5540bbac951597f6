import { memberOf } from "../../pipeline/exact_json.ts";
import { usageInvalid } from "../../pipeline/failure.ts";
import type { IngestOptions } from "../../pipeline/ingest/ingest.ts";
import type { LoadProgress } from "../../pipeline/ingest/load_progress.ts";
import { splitName } from "../../pipeline/store/sqlite.ts";
import type { Flags, Options, Origin } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** The flags that name files to load. */
export const tableFlags = {
  leads: { type: "list", value: "FILE", path: "whole", help: "files of the table leads" },
  offers: { type: "list", value: "FILE", path: "whole", help: "files of the table offers" },
  clicks: { type: "list", value: "FILE", path: "whole", help: "files of the table clicks" },
  table: {
    type: "list",
    value: "NAME=FILE",
    path: "named",
    help: "a file of another table; - is standard input",
  },
} as const satisfies Flags;

/** What to do with rows that the store does not take. */
export const loadFlags = {
  "on-conflict": {
    type: "string",
    value: "CHOICE",
    choices: ["fail", "keep", "replace"],
    default: "fail",
    help: "what to do with a row whose key exists with other values",
  },
  rejects: {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "write rows that cannot be loaded to this file, with the reason, as NDJSON",
  },
} as const satisfies Flags;

/** Returns the options of a load that these flags set. */
export function loadOptionsOf(
  options: Options<typeof loadFlags>,
): Pick<IngestOptions, "onConflict" | "rejectsPath"> {
  const { "on-conflict": onConflict, rejects } = options;
  return { onConflict, ...rejects === undefined ? {} : { rejectsPath: rejects } };
}

/** Reports the progress of each file. */
export function loadObserver(terminal: Terminal): (progress: LoadProgress) => void {
  return ({ table, file, rows, rowsTotal, isCounted, step }) => {
    const size = isCounted ? `, ${rowsTotal.toLocaleString("en")} rows` : "";
    const made = step === undefined ? "" : `, ${step}`;
    terminal.progress({
      stage: `${table}: ${file}${size}${made}`,
      done: rows,
      total: rowsTotal,
      unit: "rows",
    });
  };
}

export interface FileOptions {
  readonly leads: readonly string[];
  readonly offers: readonly string[];
  readonly clicks: readonly string[];
  readonly table: readonly string[];
}

/** Returns the named files by table. */
export function filesByTable({ leads, offers, clicks, table }: FileOptions): Record<string, string[]> {
  const files = new Map<string, string[]>();
  const add = (name: string, path: string) => files.set(name, [...files.get(name) ?? [], path]);
  for (const [name, paths] of Object.entries({ leads, offers, clicks })) {
    for (const path of paths) add(name, path);
  }
  for (const word of table) {
    const [name, path] = splitName(word, "=") ?? ["", ""];
    if (path === "") throw usageInvalid(`--table is "${word}", expected NAME=FILE`);
    add(name, path);
  }
  return Object.fromEntries(files);
}

/** Returns the files that the command line or the environment names by table. Those of a config file are to be loaded, only. */
export function namedFiles(
  options: FileOptions,
  origins: Readonly<Record<string, Origin>>,
): Record<string, string[]> {
  const of = (name: keyof FileOptions) => origins[name] === "config" ? [] : options[name];
  return filesByTable({ leads: of("leads"), offers: of("offers"), clicks: of("clicks"), table: of("table") });
}

/** Replaces each path by what `pathOf` returns for it. */
export function resolveFiles(
  files: Readonly<Record<string, readonly string[]>>,
  pathOf: (path: string) => string,
): Record<string, string[]> {
  return Object.fromEntries(Object.entries(files).map(([table, paths]) => [table, paths.map(pathOf)]));
}

/** Parses `offers.apr=rate` to `{ offers: { apr: "rate" } }`. @throws {Failure} `usage-invalid` */
export function columnNames(words: readonly string[]): Record<string, Record<string, string>> {
  const names: Record<string, Record<string, string>> = {};
  for (const word of words) {
    const [table, rest] = splitName(word, ".") ?? [];
    // The name in the files may be empty: R writes row names to a column without a name.
    const [column, name] = rest === undefined ? [] : splitName(rest, "=") ?? [];
    if (table === undefined || column === undefined || name === undefined) {
      throw usageInvalid(`--column is "${word}", expected TABLE.COLUMN=NAME`);
    }
    names[table] = { ...memberOf(names, table), [column]: name };
  }
  return names;
}
