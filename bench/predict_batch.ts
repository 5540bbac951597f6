import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { describeTables } from "./clickwell.ts";
import { differenceOf, load, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { compare } from "./result.ts";
import { type ServerProcess, startServer, withServers } from "./server_process.ts";
import { askEach, preparePeerServers } from "./server_peers.ts";
import { expectedProbabilities, prepareServing, readRows, writeBodies } from "./serving.ts";

const rowsPerBatch = 1_000;
const batchPath = "/predict/batch";
/** Issue 5: rows per second, as multiples of the peers'. */
const aims: Readonly<Record<string, number>> = { "axum": 0.8, "FastAPI + onnxruntime": 7 };

export const predictBatch: Benchmark = {
  title: `POST /predict/batch, ${rowsPerBatch.toLocaleString("en")} rows at a time`,
  peers: ["fastapi", "uvicorn", "onnxruntime"],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const expected = await expectedProbabilities(bench, serving);
    const { servers } = await preparePeerServers(bench, serving);
    const peers = servers.filter(({ name }) => Object.hasOwn(aims, name));
    const rows = await readRows(serving);
    const batch = Array.from({ length: rowsPerBatch }, (_, i) => rows[i % rows.length]);
    const bodies = await writeBodies(join(bench.folder, "batches.ndjson"), [{ rows: batch }]);
    const { data, models } = serving;
    const command = [
      ...bench.clickwell,
      ...["serve", "--port", "0", "--workers", "1", "--data", data, "--models", models],
    ];
    bench.note(command);
    const starts = [() => startServer(command), ...peers.map(({ start }) => start)];
    return await withServers(starts, async (started) => {
      const checks = [];
      for (const [i, server] of peers.entries()) await askEach(started[i + 1], server, rows.slice(0, 1));
      for (const [i, server] of started.entries()) {
        const found = await answersOf(server, batch);
        const difference = differenceOf(found, batch.map((_, row) => expected[row % rows.length]));
        checks.push({
          what: `${["clickwell", ...peers.map(({ name }) => name)][i]}: each answer is what numpy makes of ` +
            `clickwell's coefficients, to ${small(difference)}`,
          holds: difference <= 1e-12,
        });
      }
      const sides = ["clickwell", ...peers.map(({ name }) => name)].map((name, i) => ({
        name,
        async run() {
          const { requestsPerSecond, ...rest } = await load(bench, started[i].url, bodies, {
            path: batchPath,
          });
          return { ...rest, rowsPerSecond: requestsPerSecond * rowsPerBatch };
        },
      }));
      const [clickwell, ...others] = await bench.turns(sides);
      return {
        data: `batches of ${rowsPerBatch} rows out of ${describeTables(bench.offers)}`,
        lines: others.map((peer) =>
          compare(clickwell, peer, {
            what: "rows",
            unit: "requests/s",
            metric: "rowsPerSecond",
            aim: aims[peer.name],
          })
        ),
        checks,
        notes: [
          "A row per second is shown as a request per second. clickwell and axum answer in one thread, FastAPI in 2 processes.",
        ],
      };
    });
  },
};

async function answersOf({ url }: ServerProcess, rows: readonly unknown[]): Promise<number[]> {
  const response = await fetch(url + batchPath, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ rows }),
  });
  if (!response.ok) {
    throw new Error(`${url}${batchPath} answered ${response.status}: ${await response.text()}`);
  }
  const answer: { rows: { probability: number }[] } = await response.json();
  return answer.rows.map(({ probability }) => probability);
}
