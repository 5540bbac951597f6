import assert from "node:assert/strict";
import { isSpilled } from "../../../pipeline/chunks/chunk_file.ts";
import { createMemoryBudget } from "../../../pipeline/chunks/memory_budget.ts";
import { evaluateModel, forProbabilities } from "../../../pipeline/fit/evaluate.ts";
import { evaluateByTime } from "../../../pipeline/fit/evaluate_by_time.ts";
import { forKnownProbabilities, probabilitiesOf } from "../../../pipeline/fit/row_probabilities.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { alone, encodeRows, specOf } from "../../support/example_rows.ts";

const random = createRandom(3);
const rows = Array.from({ length: 1111 }, () => ({
  level: `l${Math.floor(40 * random.uniform())}`,
  number: random.uniform(),
  clicked: random.uniform() < 0.3 ? 1 : 0,
}));
const spec = specOf([{ name: "level", type: "categorical" }, { name: "number", type: "numeric" }]);
const partition = { partCount: 3, partOf: (group: number) => group % 7 === 0 ? 1 : group % 5 === 0 ? 2 : 0 };
const { design } = encodeRows(spec, rows, { chunkRows: 37, partition });
const coefficients = Float64Array.from(
  { length: design.columnCount + 1 },
  () => 2 * random.uniform() - 1,
);
const calibration = { method: "isotonic", logits: [-1, 0, 1], log_odds: [-2, 0.25, 3] } as const;

for (const parts of [[0], [1], [0, 2]]) {
  for (const model of [{ coefficients }, { coefficients, calibration }]) {
    const name = `parts ${parts.join(" and ")}${"calibration" in model ? ", calibrated" : ""}`;
    Deno.test(`row probabilities: those of one walk, on any number of threads, in memory or in files, in its order (${name})`, async () => {
      assert(design.partRows.every((count) => count > 0));
      const expected: unknown[] = [];
      forProbabilities(design, parts, model, (chunk, from, to, own) => {
        expected.push([design.chunks.indexOf(chunk), from, to, [...own]]);
      });
      const folder = await Deno.makeTempDir();
      const threads = startThreads(3, trainWorkerUrl());
      try {
        const budget = createMemoryBudget(folder, 0);
        const places = [{ threads: alone }, { threads }, { threads: alone, budget }, { threads, budget }];
        for (const place of places) {
          const known = await probabilitiesOf(design, parts, model, place);
          assert(known.chunks.every((chunk) => isSpilled(chunk) === ("budget" in place)));
          const found: unknown[] = [];
          forKnownProbabilities(design, known, (chunk, from, to, own) => {
            found.push([design.chunks.indexOf(chunk), from, to, [...own]]);
          });
          assert.deepEqual(found, expected);
          assert.deepEqual(evaluateByTime(design, known, 0.3), evaluateModel(design, model, 0.3, parts));
        }
      } finally {
        threads.close();
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
