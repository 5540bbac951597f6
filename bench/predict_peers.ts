import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { describeTables } from "./clickwell.ts";
import { differenceOf, load, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { compare, type Line } from "./result.ts";
import { type ServerProcess, startServer, withServers } from "./server_process.ts";
import { askEach, preparePeerServers } from "./server_peers.ts";
import { expectedProbabilities, prepareServing, readRows, writeBodies } from "./serving.ts";

/** Issue 5: requests per second, as multiples of the peers'. */
const aims: Readonly<Record<string, number>> = {
  "axum": 0.9,
  "FastAPI + onnxruntime": 8,
  "FastAPI + scikit-learn": 100,
  "MLflow": 500,
};

/** The pipeline has no missing-value indicators: its probabilities are near ours, not equal. */
const modelTolerance = 0.02;

export const predictPeers: Benchmark = {
  title: "POST /predict, one worker, against servers in Rust and Python",
  peers: ["fastapi", "uvicorn", "onnxruntime", "scikit-learn", "mlflow"],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const expected = await expectedProbabilities(bench, serving);
    const { servers, pipelineProbabilities } = await preparePeerServers(bench, serving);
    const rows = await readRows(serving);
    const { data, models } = serving;
    const command = [
      ...bench.clickwell,
      ...["serve", "--port", "0", "--workers", "1", "--data", data, "--models", models],
    ];
    bench.note(command);
    const starts = [() => startServer(command), ...servers.map(({ start }) => start)];
    return await withServers(starts, async ([ours, ...others]) => {
      const checks = [];
      const sides = [{ name: "clickwell", run: () => load(bench, ours.url, serving.bodies) }];
      for (const [i, server] of servers.entries()) {
        const { name, path, bodyOf, isSameModel } = server;
        const found = await askEach(others[i], server, rows);
        const known = isSameModel ? expected : pipelineProbabilities;
        const difference = differenceOf(found, known);
        const what = isSameModel ? "numpy makes of clickwell's coefficients" : "its pipeline gives";
        checks.push({
          what: `${name}: each answer is what ${what}, to ${small(difference)}`,
          holds: difference <= 1e-12,
        });
        const file = join(bench.folder, `bodies-${i}.ndjson`);
        const bodies = await writeBodies(file, rows.map(bodyOf));
        sides.push({ name, run: () => load(bench, others[i].url, bodies, { path }) });
      }
      const between = differenceOf(expected, pipelineProbabilities);
      checks.push({ what: `the two models agree to ${small(between)}`, holds: between <= modelTolerance });
      await requireEqual(ours, rows, expected);
      const [clickwell, ...peers] = await bench.turns(sides);
      return {
        data: `64 request bodies out of ${describeTables(bench.offers)}`,
        lines: peers.flatMap((peer): Line[] => [
          compare(clickwell, peer, {
            what: "requests",
            unit: "requests/s",
            metric: "requestsPerSecond",
            aim: aims[peer.name],
          }),
          compare(clickwell, peer, { what: "latency, 99th percentile", metric: "p99" }),
        ]),
        checks,
        notes: [
          "clickwell and the axum server answer in one thread, the Python servers in 2 processes on both cores, which they share " +
          "with wrk and its 64 connections.",
          "axum and FastAPI know the fields by name and type at compile time or start; clickwell knows them from its model.",
        ],
      };
    });
  },
};

async function requireEqual(
  ours: ServerProcess,
  rows: unknown[],
  expected: readonly number[],
): Promise<void> {
  const found: number[] = [];
  for (const row of rows) {
    const response = await fetch(`${ours.url}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(row),
    });
    found.push((await response.json()).probability);
  }
  if (differenceOf(found, expected) > 1e-12) {
    throw new Error("clickwell does not answer what its model says.");
  }
}
