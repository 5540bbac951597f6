import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { type Check, compare } from "./result.ts";

const peerReport = z.object({ peak_bytes: z.number().nullable() });
/** Size of the large data set, as a multiple of the ordinary one. */
const largeFactor = 5;
/** A ratio of memories that counts as equal: garbage is not collected at the same moment in each run. */
const sameMemory = 0.9;

export const loadTables: Benchmark = {
  title: "Parquet files to store",
  peers: ["pyarrow"],
  async run(bench) {
    const tables = await generatedTables(bench, bench.offers);
    const large = await generatedTables(bench, bench.offers * largeFactor);
    const [like, data, database] = ["like", "data", "peer.db"].map((name) => join(bench.folder, name));
    const store = join(like, "tables.db");
    await ingestAnew(bench, tables, like);

    const [ours, pyarrow] = await bench.turns([
      { name: "clickwell", run: () => ingestAnew(bench, tables, data) },
      { name: "pyarrow + executemany", run: () => peerIngest(bench, tables, store, database) },
    ]);
    const [atLarge, atOrdinary] = await bench.turns([
      { name: `${grouped(bench.offers * largeFactor)} offers`, run: () => ingestAnew(bench, large, data) },
      { name: `${grouped(bench.offers)} offers`, run: () => ingestAnew(bench, tables, data) },
    ], { rounds: Math.min(bench.rounds, 3) });
    const peak = { what: "peak memory", unit: "bytes", metric: "peakBytes" } as const;
    return {
      data: describeTables(bench.offers),
      lines: [
        compare(ours, pyarrow, { what: "load", aim: 1.5 }),
        compare(ours, pyarrow, peak),
        compare(atLarge, atOrdinary, {
          what: `load of ${atLarge.name}, per million`,
          metric: "secondsPerMillion",
        }),
        compare(atLarge, atOrdinary, { ...peak, what: `peak memory, ${atLarge.name}`, aim: sameMemory }),
      ],
      checks: sameTables(store, database),
      notes: [
        "Seconds are those of the whole process. Both sides make the same tables with the same keys, with the same journals (in " +
        "place for leads and offers, with synchronous FULL; WAL for clicks, with NORMAL), one transaction a file, clickwell " +
        "with a cache of 32 MiB, the peer with 64; clickwell also hashes the files and reports their quality.",
        `The aim of ${sameMemory}× for the memory at ${largeFactor} times the offers says that it does not grow with them.`,
      ],
    };
  },
};

/** Loads into a new store. */
async function ingestAnew(bench: Bench, tables: string, data: string): Promise<Sample> {
  await Deno.remove(data, { recursive: true }).catch(() => {});
  const { finished: { seconds, peakBytes }, report } = await ingest(bench, tables, data);
  return { seconds, peakBytes, secondsPerMillion: seconds / report.tables.offers.inserted * 1e6 };
}

async function peerIngest(bench: Bench, tables: string, like: string, out: string): Promise<Sample> {
  for (const name of [out, `${out}-wal`, `${out}-shm`]) await Deno.remove(name).catch(() => {});
  const { finished, report } = await peer(bench, "ingest.py", flags({ tables, like, out }), peerReport);
  return { seconds: finished.seconds, peakBytes: report.peak_bytes ?? NaN };
}

/** Returns whether the tables of two databases have the same numbers of rows and values and the same totals, by column. */
function sameTables(ours: string, peer: string): Check[] {
  return ["leads", "offers", "clicks", "examples"].map((table) => ({
    what: `${table}: the same rows, values and totals in both databases`,
    holds: summaryOf(ours, table) === summaryOf(peer, table),
  }));
}

function summaryOf(path: string, table: string): string {
  using db = new DatabaseSync(path, { readOnly: true });
  const columns = db.prepare("SELECT name FROM pragma_table_info(?)").all(table).map(({ name }) =>
    String(name)
  );

  const totals = columns.sort().map((name) =>
    `count(${name}), total(CASE typeof(${name}) WHEN 'text' THEN length(${name}) ELSE ${name} END)`
  );
  const row = db.prepare(`SELECT count(*), ${totals.join(", ")} FROM ${table}`).get() ?? {};
  // The last digits of a sum of fractions depend on the order in which the table is read.
  return Object.values(row).map((value) => Number(value).toPrecision(10)).join(" ");
}
