import { readFileSync } from "node:fs";
import { Failure } from "../pipeline/failure.ts";
import { ingest, type IngestReport } from "../pipeline/ingest.ts";
import type { FileReport } from "../pipeline/quality.ts";
import { openStore } from "../pipeline/store.ts";
import { command, commonFlags } from "./command.ts";
import type { Terminal } from "./terminal.ts";

export default command({
  name: "ingest",
  summary: "parquet, CSV or NDJSON files → store",
  description: [
    "Loads files into their tables, one transaction a file: a file is loaded whole or not at all. Loading a file again",
    "changes nothing. The type of a file is told by its content. The store is made where there is none.",
  ].join("\n"),
  flags: {
    leads: { type: "list", value: "FILE", help: "files of the table leads" },
    offers: { type: "list", value: "FILE", help: "files of the table offers" },
    clicks: { type: "list", value: "FILE", help: "files of the table clicks" },
    table: { type: "list", value: "NAME=FILE", help: "a file of any table of the schema" },
    "on-conflict": {
      type: "string",
      value: "WHAT",
      choices: ["fail", "keep", "replace"],
      default: "fail",
      help: "what becomes of a row whose key is there with other values",
    },
    rejects: {
      type: "string",
      value: "FILE",
      help: "collect rows that cannot be loaded here, instead of failing",
    },
    column: { type: "list", value: "TABLE.COLUMN=NAME", help: "what a column is called in the files" },
    "allow-missing": {
      type: "boolean",
      help: "load a column that a file lacks as NULL, where the table allows it",
    },
    schema: { type: "string", value: "FILE", help: "your own tables and view, SQL, for a new store" },
    ...commonFlags,
  },
  examples: [
    [
      "clickwell ingest --leads leads.parquet --offers offers.parquet --clicks clicks.parquet",
      "all three tables",
    ],
    ["clickwell ingest --offers week-*.parquet --on-conflict replace", "several files; newer values win"],
    [
      "clickwell ingest --clicks clicks.csv --rejects rejected.ndjson",
      "sets aside rows that cannot be loaded",
    ],
    ["clickwell ingest --schema shop.sql --table orders=orders.parquet", "tables of your own"],
  ],
  async run({ options, terminal, signal }) {
    const files = filesOf(options);
    if (Object.keys(files).length === 0) {
      throw new Failure(
        "usage-invalid",
        "There is nothing to load: name files with --leads, --offers, --clicks or --table NAME=FILE.",
      );
    }
    const store = openStore(options.data, {
      mode: "create",
      ...(options.schema === undefined ? {} : { schema: readSchema(options.schema) }),
    });
    try {
      const report = await ingest(store, {
        files,
        onConflict: options["on-conflict"],
        columnNames: columnNamesOf(options.column),
        allowMissing: options["allow-missing"],
        ...(options.rejects === undefined ? {} : { rejectsPath: options.rejects }),
        signal,
        observe: ({ file, rows, rowsTotal }) =>
          terminal.progress({ stage: file, done: rows, total: rowsTotal, unit: "rows" }),
      });
      say(terminal, report);
      return { ...report };
    } finally {
      store.close();
    }
  },
});

function filesOf(
  options: Readonly<Record<"leads" | "offers" | "clicks" | "table", readonly string[]>>,
): Record<string, string[]> {
  const files: Record<string, string[]> = {};
  for (const name of ["leads", "offers", "clicks"] as const) {
    if (options[name].length > 0) files[name] = [...options[name]];
  }
  for (const text of options.table) {
    const [name, path] = splitAt(text, "--table", "NAME=FILE");
    files[name] = [...files[name] ?? [], path];
  }
  return files;
}

function columnNamesOf(texts: readonly string[]): Record<string, Record<string, string>> {
  const names: Record<string, Record<string, string>> = {};
  for (const text of texts) {
    const [place, name] = splitAt(text, "--column", "TABLE.COLUMN=NAME");
    const [table, column, ...rest] = place.split(".");
    if (!table || !column || rest.length > 0) throw notOfForm("--column", text, "TABLE.COLUMN=NAME");
    names[table] = { ...names[table], [column]: name };
  }
  return names;
}

function splitAt(text: string, flag: string, form: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1 || equals === text.length - 1) throw notOfForm(flag, text, form);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function notOfForm(flag: string, text: string, form: string): Failure {
  return new Failure("usage-invalid", `${flag} is "${text}", expected ${form}`);
}

function readSchema(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new Failure("file-missing", `Cannot read the schema ${path}: it is not there or not readable.`);
  }
}

function say(terminal: Terminal, { files, orphans, examples }: IngestReport): void {
  for (const file of files) sayFile(terminal, file);
  for (const { table, column, parent, rows } of orphans) {
    if (rows > 0) {
      terminal.say(
        `  orphans: ${count(rows)} rows of ${table} have a ${column} that ${parent} does not have`,
      );
    }
  }
  terminal.say(`${count(examples)} examples. Next: clickwell train`);
}

function sayFile(terminal: Terminal, report: FileReport): void {
  const { table, file, read, inserted, unchanged, replaced, kept, rejected, duplicates } = report;
  const parts = [`${count(read)} read`, `${count(inserted)} new`, `${count(unchanged)} unchanged`];
  if (replaced > 0) parts.push(`${count(replaced)} replaced`);
  if (kept > 0) parts.push(`${count(kept)} kept as they were`);
  if (rejected > 0) parts.push(`${count(rejected)} rejected`);
  if (duplicates > 0) parts.push(`${count(duplicates)} with a key that came before`);
  terminal.say(`${table} ← ${file}: ${parts.join(", ")}${report.loadedBefore ? " (loaded before)" : ""}`);
  const nulls = Object.entries(report.nulls).filter(([, rows]) => rows > 0);
  if (nulls.length > 0) {
    terminal.say(`  without a value: ${nulls.map(([name, rows]) => `${name} ${count(rows)}`).join(", ")}`);
  }
  for (const [constraint, rows] of Object.entries(report.outOfRange)) {
    terminal.say(`  out of range: ${count(rows)} rows break ${constraint}`);
  }
  if (report.leftOut.length > 0) {
    terminal.say(`  left out, for the table has no such column: ${report.leftOut.join(", ")}`);
  }
  if (report.missing.length > 0) {
    terminal.say(`  missing in the file, loaded as NULL: ${report.missing.join(", ")}`);
  }
}

function count(rows: number): string {
  return rows.toLocaleString("en");
}
