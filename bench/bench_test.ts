import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { createBench, lastLineAs, root } from "./bench.ts";

const finished = (stdout: string) => ({ stdout, stderr: "", seconds: 1, peakBytes: 1, cpuSeconds: 1 });
const report = z.object({ seconds: z.number() });

Deno.test("a report is the last line of the output", () => {
  assert.deepEqual(lastLineAs(finished('loading\n{"seconds":1}\n{"seconds":2}\n'), report), { seconds: 2 });
});

Deno.test("an output without a report is reported, with what was found instead", () => {
  assert.throws(() => lastLineAs(finished("done\n"), report), /not JSON: done/);
  assert.throws(() => lastLineAs(finished('{"minutes":1}\n'), report), /seconds/);
});

Deno.test("recorded commands contain no path of the machine, each once", () => {
  const commands = new Set<string>();
  const clickwell = [Deno.execPath(), "run", "main.ts"];
  const folder = join(root, "bench/.cache/run-1");
  const bench = createBench(
    { offers: 1, rounds: 1, isLarge: false, clickwell, denoVersion: "", say: () => {} },
    folder,
    commands,
  );
  bench.note([...clickwell, "train", "--data", join(folder, "data")]);
  bench.note([...clickwell, "train", "--data", join(folder, "data")]);
  bench.note([
    join(root, "bench/.venv/bin/python"),
    join(root, "bench/peer/fit.py"),
    "--solver",
    "glum",
  ]);
  bench.note([Deno.execPath(), "run", join(root, "bench/peer/bare_server.ts")]);
  assert.deepEqual([...commands], [
    "clickwell train --data $RUN/data",
    "python bench/peer/fit.py --solver glum",
    "deno run bench/peer/bare_server.ts",
  ]);
});

Deno.test("commands are recorded while sides are measured, and not while they are prepared", async () => {
  const commands = new Set<string>();
  const clickwell = [Deno.execPath()];
  const bench = createBench(
    { offers: 1, rounds: 1, isLarge: false, clickwell, denoVersion: "", say: () => {} },
    root,
    commands,
  );
  await bench.run([...clickwell, "eval", "0"]);
  await bench.turns([{
    name: "clickwell",
    run: async () => ({ seconds: (await bench.run([...clickwell, "eval", "1"])).seconds }),
  }]);
  assert.deepEqual([...commands], ["clickwell eval 1"]);
});
