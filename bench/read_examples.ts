import { join } from "node:path";
import { z } from "zod";
import type { Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { compare } from "./result.ts";
import { specFile } from "./serving.ts";

const peerReport = z.object({ seconds: z.number(), rows: z.number(), sqlite: z.string() });

export const readExamples: Benchmark = {
  title: "Joined examples from the store into columns",
  peers: ["numpy"],
  async run(bench) {
    const data = join(bench.folder, "data");
    const { examples } = (await ingest(bench, await generatedTables(bench, bench.offers), data)).report;
    const rows = { clickwell: 0, peer: 0 };
    let sqliteVersion = "";
    const [ours, sqlite] = await bench.turns([
      {
        name: "clickwell",
        async run() {
          const { report } = await train(bench, data);
          rows.clickwell = report.rows.train;
          return { seconds: report.seconds.read };
        },
      },
      {
        name: "sqlite3 + numpy",
        async run() {
          const args = flags({ store: join(data, "tables.db"), spec: specFile });
          const { report } = await peer(bench, "read_store.py", args, peerReport);
          rows.peer = report.rows;
          sqliteVersion = report.sqlite;
          return { seconds: report.seconds };
        },
      },
    ]);
    return {
      data: describeTables(bench.offers),
      lines: [compare(ours, sqlite, { what: "read", aim: 2.5 })],
      checks: [{
        what: `both read the ${grouped(examples)} examples that the store has`,
        holds: rows.clickwell === examples && rows.peer === examples,
      }],
      notes: [
        "Both run the same query on the view `examples`, in the same store with the same settings. clickwell's " +
        "seconds are `seconds.read` of `train --json`: on all cores, with the categories coded. Python's are " +
        "those of the connection, the query and `numpy.array` of each column.",
        `Python has SQLite ${sqliteVersion}.`,
      ],
    };
  },
};
