import { join } from "node:path";
import { hashFile } from "../../pipeline/files/content_hash.ts";
import { Failure } from "../../pipeline/failure.ts";
import { generate } from "../../pipeline/generate/generate.ts";
import { ingest, type IngestReport } from "../../pipeline/ingest/ingest.ts";
import { loadedFiles } from "../../pipeline/ingest/load_log.ts";
import type { Store } from "../../pipeline/store/store.ts";
import type { Terminal } from "../cli/terminal.ts";

/** The files of the demo's tables, and their origin. */
export interface DemoTables {
  readonly files: Readonly<Record<TableName, readonly string[]>>;
  /** A description for the transcript, the same on every machine. */
  readonly origin: string;
}

const tableNames = ["leads", "offers", "clicks"] as const;
type TableName = (typeof tableNames)[number];

export const demoOffers = 20_000;
export const demoSeed = 7;

export interface DemoStage {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/**
 * Returns the user's tables, or generates tables in `directory`.
 *
 * @throws {Failure} `usage-invalid` if some of the tables are given, but not all.
 */
export async function tablesOf(
  { leads, offers, clicks }: Readonly<Record<TableName, readonly string[]>>,
  directory: string,
  { terminal, signal }: DemoStage,
): Promise<DemoTables> {
  const given = { leads, offers, clicks };
  const missing = tableNames.filter((name) => given[name].length === 0);
  if (missing.length === 0) return { files: given, origin: "the files that were given" };
  if (missing.length < tableNames.length) {
    const flags = missing.map((name) => `--${name} FILE`).join(" and ");
    throw new Failure("usage-invalid", `The demo needs all three tables or none: give ${flags} too.`);
  }
  const report = await generate({
    directory,
    offers: demoOffers,
    seed: demoSeed,
    signal,
    observe: (done) => terminal.progress({ stage: "generate", done, total: demoOffers, unit: "offers" }),
  });
  return {
    files: { leads: [report.leads.path], offers: [report.offers.path], clicks: [report.clicks.path] },
    origin: `made up by clickwell generate --offers ${demoOffers} --seed ${demoSeed}`,
  };
}

/**
 * Loads the tables. Tables that are in the store already do not change.
 *
 * @throws {Failure} `usage-invalid` if the store holds other data, which the demo must not mix.
 */
export async function loadTables(
  store: Store,
  { files }: DemoTables,
  { terminal, signal }: DemoStage,
): Promise<IngestReport> {
  const hashes = await Promise.all(Object.values(files).flat().map((path) => hashFile(path, signal)));
  const other = loadedFiles(store).find(({ contentHash }) => !hashes.includes(contentHash));
  if (other) {
    throw new Failure(
      "usage-invalid",
      `Cannot run the demo in ${store.path}: it holds other data (${other.file}). ` +
        `Use other folders for the demo: clickwell demo --data ${join("demo", "data")} --models ${
          join("demo", "models")
        }`,
    );
  }
  return await ingest(store, {
    files,
    signal,
    observe: ({ file, rows, rowsTotal }) =>
      terminal.progress({ stage: file, done: rows, total: rowsTotal, unit: "rows" }),
  });
}
