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
  const { ours: bytes } = await measured("engine-bytes", "1,000,000 rows: bytes of a pass, both ways");
  const { ours: seconds } = await measured("engine-bytes", "1,000,000 rows: seconds of a pass");
  const against = "bytes of a pass, both ways, against those of 1,000,000 rows";
  const passOf = async (rows: string) => {
    const { ours: bytes } = await measured("engine-bytes", `${rows} rows: ${against}`);
    const { ours: seconds } = await measured("engine-bytes", `${rows} rows: seconds of a pass`);
    return { bytes, words: `${(bytes / 1e6).toFixed(2)} MB, ${seconds.toFixed(1)} s` };
  };
  const [five, twenty] = [await passOf("5,000,000"), await passOf("20,000,000")];
  for (
    const words of [
      `| over 5 million; over 20 million | ${five.words}; ${twenty.words} |`,
      `twenty times the rows had ${(twenty.bytes / bytes).toFixed(2)} times as many bytes`,
      `| a pass over them in PostgreSQL | ${(bytes / 1e6).toFixed(2)} MB, ${seconds.toFixed(1)} s |`,
      `| time of a pass on an engine of 256 cores | ${Math.round(2 * 1_000 * seconds / 256)} s |`,
    ]
  ) assert.ok(plan.includes(words), words);
  const { ours: ofTraining } = await measured("train-trino", "bytes over the wire");
  const { ours: ofStatement } = await measured("train-trino", "bytes a statement");
  const words = `| ${Math.round(ofTraining / ofStatement)}, and ${
    (ofTraining / 1e6).toFixed(2)
  } MB both ways |`;
  assert.ok(plan.includes(words), words);
  assert.match(plan, /^\nA plan from measured numbers, not a measurement/);
});
