import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { rankOrder } from "../../../pipeline/math/rank_order.ts";

Deno.test("rank order: values ascend, equal ones in the order of their indices, few or many, close or equal", () => {
  const random = createRandom(5);
  const makers: readonly (() => number)[] = [
    () => random.uniform(),
    () => random.below(50) / 50,
    () => 1e-9 * random.uniform(),
    () => 0.5 + 1e-14 * random.below(9),
    () => [0, 5e-324, 1, 0.5][random.below(4)],
  ];
  for (const make of makers) {
    for (const count of [0, 1, 100, 10_000]) {
      const values = Float64Array.from({ length: count }, make);
      const expected = [...values.keys()].sort((a, b) => values[a] - values[b] || a - b);
      assert.deepEqual([...rankOrder(values)], expected);
    }
  }
});
