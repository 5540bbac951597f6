import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { toProbabilities } from "../../../pipeline/model/column_predictor.ts";
import { probabilityOf } from "../../../pipeline/model/predictor.ts";
import { toManyProbabilities } from "../../../pipeline/model/score_kernel.ts";

Deno.test("probabilities of many rows have the bits of those of one: of any size, subnormal, infinite and of no number", () => {
  const random = createRandom(9);
  const edges = [0, -0, 1e-300, 36, 37, 708.3, 708.4, 709.7, 709.8, 745.13, 745.14, 746, 1e9, Infinity, NaN];
  const sizes = [1e-9, 1, 5, 40, 700, 800];
  // More than one step, and not a whole number of them.
  const logits = Float64Array.from({ length: 9_001 }, (_, i) => {
    const edge = edges[i >> 1];
    if (edge !== undefined) return i % 2 === 0 ? edge : -edge;
    return (2 * random.uniform() - 1) * sizes[i % sizes.length];
  });
  const expected = logits.map(probabilityOf);
  const found = logits.slice();
  toManyProbabilities(found);
  assert.deepEqual([...found], [...expected]);
  assert.deepEqual([...toProbabilities(logits.slice())], [...expected]);
  assert.deepEqual([...toProbabilities(logits.slice(0, 100))], [...expected.slice(0, 100)]);
  assert.ok(expected.some((p) => p > 0 && p < 2 ** -1022), "no result is subnormal");
});
