import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandom } from "../../pipeline/math/random.ts";
import { assertClose } from "./assert_close.ts";
import { type ExampleRow, specOf } from "./example_rows.ts";

/** Columns of the tables below, without the id. */
export const columns = ["who", "clicked", "x", "y", "z", "c", "d", "weight"];

/** A spec with everything that is fitted: imputations, scales, edges, levels and crosses. */
export const spec = specOf(
  [
    { name: "x", type: "numeric", bins: [2, 4] },
    { name: "y", type: "numeric", impute: "mean" },
    {
      name: "z",
      type: "numeric",
      transform: "log1p",
      bins: 3,
      values: { minCount: 7 },
      missingIndicator: false,
    },
    { name: "c", type: "categorical", minCount: 8 },
    { name: "d", type: "categorical", hash: 3 },
  ],
  {
    weight: true,
    crosses: [{ of: [{ name: "x", bins: 4 }, "c"], minCount: 6 }, { of: ["c", "d"], minCount: 5 }],
  },
);

export interface WeightedRow extends ExampleRow {
  readonly weight: number;
}

const number = fc.integer({ min: -5000, max: 5000 }).map((value) => value / 1000);
const some = fc.record({
  clicked: fc.constantFrom(0, 1),
  x: fc.option(number, { freq: 4 }),
  y: fc.option(number, { freq: 3 }),
  z: fc.option(fc.constantFrom(-1, 0, 1.5, 40, 40, 2500), { freq: 5 }),
  c: fc.option(fc.constantFrom("a", "b", "c", "d", "e"), { freq: 9 }),
  d: fc.constantFrom(1, 2, 3, 4),
  weight: fc.integer({ min: 0, max: 5 }),
});

/** Rows of whole-number weights, two to a group; some weights are 0. The first two rows have both classes and a positive weight. */
export const tables: fc.Arbitrary<WeightedRow[]> = fc.array(some, { minLength: 50, maxLength: 80 }).map((
  rows,
) =>
  rows.map((row, i) => ({
    id: 10 * i,
    who: `who-${i >> 1}`,
    ...row,
    ...(i < 2 ? { clicked: i, weight: 3 + i } : {}),
  }))
);

/** Returns the rows of positive weight. */
export function weighing(rows: readonly WeightedRow[]): WeightedRow[] {
  return rows.filter(({ weight }) => weight > 0);
}

export const plainSpec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }], {
  weight: true,
});

/** Returns rows whose click rate depends on x and c. */
export function plainRows(count: number, seed: number): WeightedRow[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const [x, c] = [4 * random.uniform() - 2, ["a", "b", "c"][random.below(3)]];
    const rate = 1 / (1 + Math.exp(-(0.7 * x + (c === "a" ? 0.8 : -0.4))));
    const clicked = random.uniform() < rate ? 1 : 0;
    return {
      id: 10 * i,
      who: `who-${i >> 1}`,
      clicked,
      x: i % 7 === 0 ? null : x,
      c,
      weight: 1 + random.below(5),
    };
  });
}

/** Returns the table without weights: each row is repeated by its weight, consecutively. */
export function writtenOut(rows: readonly WeightedRow[]): WeightedRow[] {
  return rows.flatMap((row) =>
    Array.from({ length: row.weight }, (_, copy) => ({ ...row, id: Number(row.id) + copy, weight: 1 }))
  );
}

/** Asserts that all numbers of two values agree to 1e-9, and everything else is equal. */
export function assertSame(got: unknown, expected: unknown, what: string): void {
  if (typeof got === "number" && typeof expected === "number") assertClose(got, expected, 1e-9, what);
  else if (isObject(got) && isObject(expected)) {
    assert.deepEqual(Object.keys(got), Object.keys(expected), what);
    for (const [name, value] of Object.entries(got)) assertSame(value, expected[name], `${what}.${name}`);
  } else assert.deepEqual(got, expected, what);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
