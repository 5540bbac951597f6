import assert from "node:assert/strict";
import { join } from "node:path";
import { root } from "../support/program.ts";
import { measured } from "./measured.ts";

Deno.test("fleet: the capacity plan is what follows from the measured numbers", async () => {
  const text = await Deno.readTextFile(join(root, "docs/fleet.md"));
  const [, plan] = text.split("## A million requests a second\n");
  const shown = (value: number) => (100 * Math.round(value / 100)).toLocaleString("en");
  const { ours: withSwaps, peer: without } = await measured("swap-under-load", "requests");
  const { ours: memory } = await measured("footprint", "memory under load");
  const { ours: start } = await measured("footprint", "start to first prediction");
  const { ours: rows } = await measured("predict-batch", "rows");
  const perPod = 0.6 * without;
  const pods = 3 * Math.ceil(1e6 / perPod / 3);
  const mebibytes = Math.round(memory / 2 ** 20);
  for (
    const words of [
      `| ${shown(without)} a second |`,
      `| ${shown(withSwaps)} a second, no request failed |`,
      `| ${mebibytes} MiB |`,
      `| ${start.toFixed(3)} s |`,
      `| ${(rows / 1e6).toFixed(2)} million a second |`,
      `| ${shown(perPod)} requests a second |`,
      `| ${pods}, ${pods / 3} in each of three zones: without one zone, the others are used at ${
        Math.round(100 * 1e6 / (pods * 2 / 3 * without))
      } % |`,
      `| ${2 * pods} cores; ${pods} × 512 MiB requested = ${pods / 2} GiB, of which ${
        (pods * mebibytes / 1024).toFixed(1)
      } GiB are used |`,
      `${pods} looks a second |`,
      `${pods} reads for an assignment |`,
    ]
  ) assert.ok(plan.includes(words), words);
  assert.match(plan, /^\nA plan from measured numbers, not a measurement/);
});
