import assert from "node:assert/strict";
import { largest } from "../../../pipeline/report/largest.ts";

/** Sizes with many ties, the same in every run. */
function sizesOf(count: number): Float64Array {
  let state = 7;
  return Float64Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 97;
  });
}

Deno.test("largest: the places of the largest sizes in their order, of equal ones the first", () => {
  for (const length of [0, 1, 5, 199, 400, 10_000]) {
    const random = sizesOf(length);
    for (const sizes of [random, random.toSorted(), random.toSorted().reverse(), new Float64Array(length)]) {
      const sorted = [...sizes.keys()].sort((a, b) => sizes[b] - sizes[a] || a - b);
      for (const count of [0, 1, 2, 7, 200, 20_000]) {
        assert.deepEqual(largest(sizes, count), sorted.slice(0, count), `${count} of ${length}`);
      }
    }
  }
});
