import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest } from "./clickwell.ts";
import { sizesOf } from "./fit_sizes.ts";
import type { Sample, Side } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { type Check, compare } from "./result.ts";

const peerReport = z.object({ peak_bytes: z.number().nullable() });
/** The size at which the peer is met again. */
const peerFactor = 5;
/** A million offers of a larger data set may take a quarter longer. */
const growthAim = 1 / 1.25;
const largeAim = 1.8;
/** The largest takes minutes. */
const growthRoundsMax = 3;
/** A ratio of memories that counts as equal: garbage is not collected at the same moment in each run. */
const sameMemory = 0.9;

export const loadTables: Benchmark = {
  title: "Parquet files to store",
  peers: ["pyarrow"],
  async run(bench) {
    const tables = await generatedTables(bench, bench.offers);
    const [like, data, database] = ["like", "data", "peer.db"].map((name) => join(bench.folder, name));
    const store = join(like, "tables.db");
    await ingestAnew(bench, tables, like);

    const [ours, pyarrow] = await bench.turns([
      { name: "clickwell", run: () => ingestAnew(bench, tables, data) },
      { name: "pyarrow + executemany", run: () => peerIngest(bench, tables, store, database) },
    ]);
    const sides: Side[] = [];
    const peers: Side[] = [];
    for (const factor of [1, ...sizesOf(bench)]) {
      const of = factor === 1 ? tables : await generatedTables(bench, bench.offers * factor);
      sides.push({
        name: `${grouped(bench.offers * factor)} offers`,
        run: () => ingestAnew(bench, of, data),
      });
      if (factor !== peerFactor) continue;
      // Not in place of the one whose content is compared.
      const out = join(bench.folder, "larger-peer.db");
      peers.push({ name: "pyarrow + executemany", run: () => peerIngest(bench, of, store, out) });
    }
    const rounds = Math.min(bench.rounds, growthRoundsMax);
    const measured = await bench.turns([...sides, ...peers], { rounds, warmups: 0 });
    const [atOrdinary, ...larger] = measured.slice(0, sides.length);
    const peerAtLarge = measured.slice(sides.length);
    const peak = { what: "peak memory", unit: "bytes", metric: "peakBytes" } as const;
    return {
      data: describeTables(bench.offers),
      lines: [
        compare(ours, pyarrow, { what: "load", aim: 1.5 }),
        compare(ours, pyarrow, peak),
        ...peerAtLarge.map((side) =>
          compare(larger[0], side, { what: `load of ${larger[0].name}`, aim: largeAim })
        ),
        ...larger.flatMap((side) => [
          compare(side, atOrdinary, {
            what: `load of ${side.name}, per million`,
            metric: "secondsPerMillion",
            aim: growthAim,
          }),
          compare(side, atOrdinary, { ...peak, what: `peak memory, ${side.name}`, aim: sameMemory }),
        ]),
      ],
      checks: sameTables(store, database),
      notes: [
        "Seconds are those of the whole process. Both sides make the same tables with the same keys, with the same journals (in " +
        "place for leads and offers, with synchronous FULL; WAL for clicks, with NORMAL), one transaction a file, clickwell " +
        "with a cache of 32 MiB, the peer with 64; clickwell also hashes the files and reports their quality.",
        `The aim of ${sameMemory}× for the memory of more offers says that it does not grow with them.`,
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
