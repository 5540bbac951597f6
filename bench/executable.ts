import { join } from "node:path";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { memoryOf, runChild } from "./child.ts";
import { describeTables } from "./clickwell.ts";
import { probabilities } from "./http_load.ts";
import type { Sample } from "./measure.ts";
import { bound, type Line } from "./result.ts";
import { startServer } from "./server_process.ts";
import { prepareServing, type Serving } from "./serving.ts";

const starts = 20;
/** Issue 5. */
const startAimSeconds = 0.1;
/** Issue 3 counts in decimal megabytes. */
const addedAimBytes = 10e6;

export const executable: Benchmark = {
  title: "The executable: size, start to first prediction, memory",
  peers: [],
  async run(bench) {
    if (bench.clickwell.length > 1) throw new Skipped("dist/clickwell has not been built: deno task build");
    const serving = await prepareServing(bench);
    // One body, for the first prediction.
    const body = join(bench.folder, "body.ndjson");
    await Deno.writeTextFile(body, (await Deno.readTextFile(serving.bodies)).split("\n")[0]);
    const side = { name: "clickwell", run: () => startAndAsk(bench, serving, body) };
    const [measured] = await bench.turns([side], { rounds: starts });
    const { lines, notes } = await sizeOf(bench);
    const resident = { what: "resident memory after it", unit: "bytes", metric: "residentBytes" } as const;
    return {
      data: `a model of ${describeTables(bench.offers)}`,
      lines: [
        bound(measured, { what: "start to first prediction", aim: startAimSeconds }),
        bound(measured, resident),
        ...lines,
      ],
      checks: [],
      notes: [
        `From the start of the process to the answer, ${starts} times, with the files in the page cache.`,
        ...notes,
      ],
    };
  },
};

async function startAndAsk(bench: Bench, { data, models }: Serving, body: string): Promise<Sample> {
  const command = [...bench.clickwell, "serve", "--port", "0", "--data", data, "--models", models];
  bench.note(command);
  const start = performance.now();
  const server = await startServer(command);
  try {
    await probabilities(server.url, body);
    const seconds = (performance.now() - start) / 1000;
    return { seconds, residentBytes: memoryOf(server.pid)?.residentBytes ?? NaN };
  } finally {
    await server.stop();
  }
}

/** Measures its size, and the difference to an empty program, if this Deno can compile one. */
async function sizeOf(bench: Bench): Promise<{ lines: Line[]; notes: string[] }> {
  const size = (await Deno.stat(bench.clickwell[0])).size;
  const measured = (bytes: number) => ({ name: "clickwell", samples: [{ bytes }] });
  const aspect = { unit: "bytes", metric: "bytes" } as const;
  const whole = bound(measured(size), { ...aspect, what: "size" });
  const empty = await emptyProgramBytes(bench);
  if (typeof empty === "string") {
    return { lines: [whole], notes: [`What it adds to its base is not known: ${empty}.`] };
  }
  const added = bound(measured(size - empty), {
    ...aspect,
    what: "size above an empty program's",
    aim: addedAimBytes,
  });
  return { lines: [whole, added], notes: [] };
}

/** @returns The reason if it is unknown. */
async function emptyProgramBytes(bench: Bench): Promise<number | string> {
  const here = Deno.version.deno;
  if (bench.denoVersion !== here) return `it has Deno ${bench.denoVersion} inside, and this is ${here}`;
  const [script, program] = ["empty.ts", "empty"].map((name) => join(bench.folder, name));
  await Deno.writeTextFile(script, "");
  try {
    await runChild([Deno.execPath(), "compile", "--quiet", "--output", program, script]);
  } catch {
    return `Deno ${here} cannot compile here`;
  }
  return (await Deno.stat(program)).size;
}
