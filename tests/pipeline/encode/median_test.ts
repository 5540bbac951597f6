import assert from "node:assert/strict";
import fc from "fast-check";
import { createMedianSearch } from "../../../pipeline/encode/median.ts";
import { createWeightedMedianSearch } from "../../../pipeline/encode/weighted_median.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

function median(values: Float64Array): number | undefined {
  const search = createMedianSearch();
  do search.add(values, 0, 1, values.length); while (search.endWalk());
  return search.median();
}

function sortedMedian(values: readonly number[]): number | undefined {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

Deno.test("median: undefined without values", () => {
  assert.equal(median(new Float64Array()), undefined);
});

Deno.test("median: it is the middle value, or the mean of the middle two", () => {
  assert.equal(median(Float64Array.of(5)), 5);
  assert.equal(median(Float64Array.of(9, -1, 4)), 4);
  assert.equal(median(Float64Array.of(9, -1, 4, 6)), 5);
  assert.equal(median(Float64Array.of(-3, -3, -3, 8)), -3);
});

Deno.test("median: equal to sorting, for negative, repeated, huge, tiny and signed zero values", () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(0, -0, 5e-324, -5e-324, 2 ** -1030, 1 + Number.EPSILON, 1, 1 - Number.EPSILON / 2),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), (values) => {
      // The sign of a zero is not significant.
      assert.equal((median(Float64Array.from(values)) ?? NaN) + 0, (sortedMedian(values) ?? NaN) + 0);
    }),
    { seed: 3, numRuns: 500 },
  );
});

Deno.test("median: values that agree in their upper 32 bits are distinguished", () => {
  const values = Array.from({ length: 101 }, (_, i) => 1 + ((i * 37) % 101) * Number.EPSILON);
  assert.equal(median(Float64Array.from(values)), 1 + 50 * Number.EPSILON);
  assert.equal(median(Float64Array.from(values, (value) => -value)), -1 - 50 * Number.EPSILON);
});

Deno.test("median: a subarray is read from its own start", () => {
  const values = Float64Array.of(100, 100, 1, 2, 3, 100);
  assert.equal(median(values.subarray(2, 5)), 2);
  assert.deepEqual([...values], [100, 100, 1, 2, 3, 100]);
});

/** @param parts Added one after the other in each pass, like chunks. */
function weightedMedian(
  parts: readonly (readonly (readonly [value: number, weight: number])[])[],
): number | undefined {
  const search = createWeightedMedianSearch();
  do {
    for (const rows of parts) {
      const values = Float64Array.from(rows.flatMap(([value]) => [7, value]));
      search.add({ values, from: 1, stride: 2 }, Float64Array.from(rows, ([, weight]) => weight));
    }
  } while (search.endWalk());
  return search.median();
}

Deno.test("median: with whole-number weights it equals that of repeated values, in any unit of weight", () => {
  const value = fc.oneof(
    fc.double({ noDefaultInfinity: true, min: -1e300, max: 1e300 }),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(NaN, 5e-324, -5e-324, 1 + Number.EPSILON, 1, 1 - Number.EPSILON / 2),
  );
  const rows = fc.array(fc.tuple(value, fc.integer({ min: 1, max: 6 })), { maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(rows, { maxLength: 3 }),
      fc.constantFrom(1, 0.1, 1 / 3, 1e-9, 1e9),
      (parts, unit) => {
        const repeated = parts.flat().flatMap(([value, weight]) =>
          Array.from({ length: weight }, () => value)
        );
        const weighted = parts.map((rows) => rows.map(([value, weight]) => [value, unit * weight] as const));
        const [found, expected] = [weightedMedian(weighted), median(Float64Array.from(repeated))];
        assert.equal(
          found === undefined ? found : found + 0,
          expected === undefined ? expected : expected + 0,
        );
      },
    ),
    { numRuns: 300 },
  );
});
