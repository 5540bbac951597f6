import { join } from "node:path";
import { z } from "zod";
import { openTrino } from "../pipeline/engine/trino_engine.ts";
import { startTcpProxy } from "../tests/support/tcp_proxy.ts";
import { startTrino, type Trino, trinoMissing } from "../tests/support/trino.ts";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { clickwell, describeTables, generatedTables } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, installPeers, peer } from "./python.ts";
import { bound, compare } from "./result.ts";
import { specFile } from "./serving.ts";

/** glum's default. */
const glumTolerance = 1e-4;
const rowsMin = 1_000_000;
const schema = "hive.lake";

const tables = {
  leads: "lead_uuid varchar, requested double, loan_purpose varchar, credit varchar, annual_income double",
  offers: "lead_uuid varchar, offer_id bigint, apr double, lender_id bigint",
  clicks: "offer_id bigint",
};
const view = `CREATE VIEW ${schema}.examples AS
SELECT o.offer_id, o.lead_uuid, l.requested, l.loan_purpose, l.credit, l.annual_income, o.apr, o.lender_id,
  CASE WHEN c.offer_id IS NULL THEN 0 ELSE 1 END AS clicked
FROM ${schema}.offers AS o JOIN ${schema}.leads AS l ON l.lead_uuid = o.lead_uuid
LEFT JOIN (SELECT DISTINCT offer_id FROM ${schema}.clicks) AS c ON c.offer_id = o.offer_id`;

const peerReport = z.object({ peak_bytes: z.number().nullable() });

export const trainTrino: Benchmark = {
  title: "Parquet files under Trino to a saved model",
  peers: ["polars", "glum", "trino"],
  async run(bench) {
    const missing = await trinoMissing();
    if (missing !== undefined) throw new Skipped(missing);
    await installPeers(["requirements-trino.txt"], bench.say);
    const folder = await generatedTables(bench, bench.offers);
    bench.say("starting Trino");
    await using trino = await startTrino();
    await loadTables(trino, folder);
    const port = Number(new URL(trino.origin).port);
    let statements = 0;
    const [pushed, theirs] = await bench.turns([
      {
        name: "pushed down",
        run: async () => {
          const before = await statementsSent(trino);
          const sample = await overWire(port, (port) => trainOn(bench, port));
          statements = await statementsSent(trino) - before;
          const { seconds, wireBytes } = sample;
          return {
            ...sample,
            statementSeconds: seconds / statements,
            statementBytes: wireBytes / statements,
          };
        },
      },
      {
        name: "trino, polars and glum",
        run: () =>
          overWire(port, async (port) => {
            const out = join(bench.folder, "peer-model.json");
            const given = flags({ port, schema, spec: specFile, tolerance: glumTolerance, out });
            const { finished, report } = await peer(bench, "trino_path.py", given, peerReport);
            return { seconds: finished.seconds, peakBytes: report.peak_bytes ?? NaN };
          }),
      },
    ]);
    return {
      data: `${describeTables(bench.offers)}: parquet files in a folder, joined by a view`,
      lines: [
        compare(pushed, theirs, {
          what: "bytes over the wire",
          unit: "bytes",
          metric: "wireBytes",
          ...(bench.offers >= rowsMin ? { aim: 100 } : {}),
        }),
        compare(pushed, theirs, { what: "view to a model" }),
        compare(pushed, theirs, { what: "peak memory of the client", unit: "bytes", metric: "peakBytes" }),
        bound(pushed, { what: "seconds a statement", metric: "statementSeconds" }),
        bound(pushed, { what: "bytes a statement", unit: "bytes", metric: "statementBytes" }),
      ],
      checks: [{ what: `${grouped(statements)} statements were sent and counted`, holds: statements > 0 }],
      notes: [
        "A coordinator and a worker of Trino 476 share the two cores with the client, so that seconds show cost and not scale. Bytes are those of the " +
        "connections to the coordinator, both ways, as they are sent: compressed. clickwell keeps intermediate rows in tables beside the view " +
        "(--stage), and registers a model with metrics, intervals and report; the Python process keeps nothing but the coefficients.",
      ],
    };
  },
};

/** Makes external tables of the files, and the view that joins them. */
async function loadTables({ origin, dataDir }: Trino, folder: string): Promise<void> {
  const engine = openTrino({ origin, catalog: "hive", schema: "lake", user: "bench", statementSeconds: 300 });
  await engine.query(`CREATE SCHEMA ${schema}`);
  for (const [name, columns] of Object.entries(tables)) {
    await Deno.mkdir(join(dataDir, name));
    await Deno.copyFile(join(folder, `${name}.parquet`), join(dataDir, name, `${name}.parquet`));
    await engine.query(
      `CREATE TABLE ${schema}.${name} (${columns}) WITH (external_location = 'local:///${name}', format = 'PARQUET')`,
    );
  }
  await engine.query(view);
  await engine.close();
}

/** Returns the number of statements that clickwell has sent. */
async function statementsSent({ origin }: Trino): Promise<number> {
  const engine = openTrino({
    origin,
    catalog: "system",
    schema: "runtime",
    user: "bench",
    statementSeconds: 300,
  });
  const [[count]] = await engine.query(
    "SELECT count(*) FROM system.runtime.queries WHERE \"user\" = 'clickwell'",
  );
  await engine.close();
  return Number(count);
}

/** Measures the bytes between a client and the coordinator. */
async function overWire<S extends Sample>(target: number, run: (port: number) => Promise<S>) {
  await using proxy = startTcpProxy(target);
  const sample = await run(proxy.port);
  return { ...sample, wireBytes: proxy.forwarded };
}

async function trainOn(bench: Bench, port: number) {
  const [data, models] = [join(bench.folder, "data"), join(bench.folder, "models")];
  for (const folder of [data, models]) await Deno.remove(folder, { recursive: true }).catch(() => {});
  const { seconds, peakBytes } = await clickwell(bench, [
    ...["train", "--engine", `trino://127.0.0.1:${port}/hive/lake`, "--stage", schema],
    ...["--data", data, "--models", models],
  ]);
  return { seconds, peakBytes };
}
