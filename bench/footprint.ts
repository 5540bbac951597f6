import { join } from "node:path";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { memoryOfTree } from "./child.ts";
import { describeTables } from "./clickwell.ts";
import { load, requireWrk } from "./http_load.ts";
import type { Sample } from "./measure.ts";
import { compare } from "./result.ts";
import { startServer } from "./server_process.ts";
import { askEach, type PeerServer, preparePeerServers } from "./server_peers.ts";
import { prepareServing, readRows, type Serving, writeBodies } from "./serving.ts";

/** Issue 5: factors of start time and memory. */
const aims: Readonly<Record<string, { readonly start: number; readonly memory: number }>> = {
  "FastAPI + scikit-learn": { start: 10, memory: 3 },
  "FastAPI + onnxruntime": { start: 3.5, memory: 2 },
};

export const footprint: Benchmark = {
  title: "Start to first prediction, and memory under load with 2 workers, against Python servers",
  peers: ["fastapi", "uvicorn", "onnxruntime", "scikit-learn"],
  async run(bench) {
    if (bench.clickwell.length > 1) throw new Skipped("dist/clickwell has not been built: deno task build");
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const { servers } = await preparePeerServers(bench, serving);
    const rows = await readRows(serving);
    const bodies = await writeBodies(join(bench.folder, "plain.ndjson"), rows);
    const peers = servers.filter(({ name }) => Object.hasOwn(aims, name));
    const sides = [clickwellServer(bench, serving, servers[0]), ...peers].map((server) => ({
      name: server.name,
      run: () => startAndLoad(bench, server, rows, bodies),
    }));
    const [clickwell, ...others] = await bench.turns(sides);
    return {
      data: `a model of ${describeTables(bench.offers)}`,
      lines: others.flatMap((peer) => [
        compare(clickwell, peer, { what: "start to first prediction", aim: aims[peer.name].start }),
        compare(clickwell, peer, {
          what: "memory under load",
          unit: "bytes",
          metric: "bytes",
          aim: aims[peer.name].memory,
        }),
      ]),
      checks: [],
      notes: [
        "From the start of the process to an answer, with the files in the page cache; both sides with 2 workers, threads of one " +
        "process or processes. Memory is that of all processes after 4 s of 64 connections; what they share counts once.",
      ],
    };
  },
};

function clickwellServer(bench: Bench, { data, models, model }: Serving, like: PeerServer): PeerServer {
  const command = [
    ...bench.clickwell,
    ...["serve", "--port", "0", "--workers", "2", "--data", data, "--models", models],
  ];
  bench.note(command);
  return { ...like, name: "clickwell", model, start: () => startServer(command) };
}

async function startAndLoad(
  bench: Bench,
  server: PeerServer,
  rows: readonly unknown[],
  bodies: string,
): Promise<Sample> {
  const start = performance.now();
  const process = await server.start();
  try {
    await askEach(process, server, rows.slice(0, 1));
    const seconds = (performance.now() - start) / 1000;
    await load(bench, process.url, bodies, { path: server.path });
    return { seconds, bytes: memoryOfTree(process.pid) };
  } finally {
    await process.stop();
  }
}
