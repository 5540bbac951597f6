import assert from "node:assert/strict";
import { join } from "node:path";
import { root } from "../support/program.ts";
import { measured } from "./measured.ts";

Deno.test("engines: the plan for a billion rows is what follows from the measured numbers", async () => {
  const text = await Deno.readTextFile(join(root, "docs/engines.md"));
  const [, plan] = text.split("## A billion rows\n");
  const { ours: fetched, peer: pushed } = await measured(
    "train-postgres",
    "rows fetched, against sums pushed down",
  );
  const coreSeconds = 2 * pushed * 1_000;
  for (
    const words of [
      `| ${pushed.toFixed(1)} s on 2 cores |`,
      `| ${fetched.toFixed(1)} s on 2 cores |`,
      `| ${Math.round(coreSeconds / 3_600)} core-hours |`,
      `| ${Math.round(coreSeconds / 256 / 60)} minutes |`,
      `| ${(coreSeconds / 1_024 / 60).toFixed(1)} minutes |`,
      `| ${(1_000 * fetched / 3_600).toFixed(1)} hours |`,
    ]
  ) assert.ok(plan.includes(words), words);
  assert.match(plan, /^\nA plan from measured numbers, not a measurement/);
});
