import assert from "node:assert/strict";
import fc from "fast-check";
import { factorise } from "../../../pipeline/math/cholesky.ts";
import { assertAllClose } from "../../support/assert_close.ts";

// A fixed seed: every run tests the same cases.
fc.configureGlobal({ seed: 20260101 });

/** Returns A·x. */
function product(A: Float64Array, size: number, x: ArrayLike<number>): number[] {
  return Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += A[i * size + j] * x[j];
    return sum;
  });
}

/** Returns XᵀX of a matrix of rows. */
function gram(rows: readonly (readonly number[])[]): { A: Float64Array; size: number } {
  const size = rows[0].length;
  const A = new Float64Array(size * size);
  for (const row of rows) {
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) A[i * size + j] += row[i] * row[j];
  }
  return { A, size };
}

const ascending = (size: number) => Array.from({ length: size }, (_, i) => i);

const entry = fc.double({ min: -3, max: 3, noNaN: true });

Deno.test("cholesky: solves A·x = b for positive definite A in any order of columns", () => {
  const systems = fc.integer({ min: 1, max: 12 }).chain((size) =>
    fc.record({
      rows: fc.array(fc.array(entry, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 20 }),
      b: fc.array(entry, { minLength: size, maxLength: size }),
      order: fc.shuffledSubarray(ascending(size), { minLength: size, maxLength: size }),
    })
  );
  fc.assert(
    fc.property(systems, ({ rows, b, order }) => {
      const { A, size } = gram(rows);
      for (let i = 0; i < size; i++) A[i * size + i] += 0.5;
      const { aliased, solve } = factorise(A, size, order);
      assert.deepEqual(aliased, []);
      assertAllClose(product(A, size, solve(Float64Array.from(b))), b, 1e-10, "A·x");
    }),
    { seed: 1 },
  );
});

Deno.test("cholesky: reads only the lower triangle", () => {
  const A = Float64Array.of(4, NaN, 2, 3);
  assertAllClose(factorise(A, 2, [0, 1]).solve(Float64Array.of(8, 7)), [1.25, 1.5], 1e-15, "x");
  assertAllClose(factorise(A, 2, [1, 0]).solve(Float64Array.of(8, 7)), [1.25, 1.5], 1e-15, "x");
});

Deno.test("cholesky: the second of two equal columns is aliased and stays 0", () => {
  const { A, size } = gram([[1, 2, 1], [3, -1, 3], [0.1, 5, 0.1], [-2, 2, -2]]);
  const { aliased, solve } = factorise(A, size, [0, 1, 2]);
  assert.deepEqual(aliased, [2]);
  const b = product(A, size, [0.5, -1, 2]);
  const x = solve(Float64Array.from(b));
  assert.equal(x[2], 0);
  assertAllClose(product(A, size, x), b, 1e-12, "x");
});

Deno.test("cholesky: of equal columns, the last in the order is aliased", () => {
  const { A, size } = gram([[1, 2, 1], [3, -1, 3], [0.1, 5, 0.1]]);
  assert.deepEqual(factorise(A, size, [2, 1, 0]).aliased, [0]);
});

Deno.test("cholesky: with an intercept, the last level of each one-hot field is aliased", () => {
  // intercept, three levels of one field, two of another
  const rows = [];
  for (let i = 0; i < 30; i++) {
    rows.push([
      1,
      ...[0, 1, 2].map((level) => +(i % 3 === level)),
      ...[0, 1].map((level) => +(i % 5 > 2 === !!level)),
    ]);
  }
  const { A, size } = gram(rows);
  const { aliased, solve } = factorise(A, size, ascending(size));
  assert.deepEqual(aliased, [3, 5]);
  const b = product(A, size, [1, 2, 3, 4, 5, 6]);
  assertAllClose(product(A, size, solve(Float64Array.from(b))), b, 1e-12, "x");
});

Deno.test("cholesky: a column of zeros is aliased, and a zero matrix gives the zero solution", () => {
  assert.deepEqual(factorise(Float64Array.of(2, 0, 0, 0), 2, [0, 1]).aliased, [1]);
  const nothing = factorise(new Float64Array(9), 3, [0, 1, 2]);
  assert.deepEqual(nothing.aliased, [0, 1, 2]);
  assert.deepEqual([...nothing.solve(Float64Array.of(1, 2, 3))], [0, 0, 0]);
});

Deno.test("cholesky: columns outside the order are fixed at 0, and the others solve the remaining system", () => {
  const { A, size } = gram([[1, 2, 3], [0, 1, -1], [4, 0, 1], [1, 1, 1]]);
  const x = factorise(A, size, [2, 0]).solve(Float64Array.of(1, 99, 2));
  assert.equal(x[1], 0);
  const rest = Float64Array.of(A[0], A[2], A[6], A[8]);
  assertAllClose(product(rest, 2, [x[0], x[2]]), [1, 2], 1e-12, "x");
});

Deno.test("cholesky: columns of very different scale are not aliased", () => {
  const { A, size } = gram([[1e-6, 1e9, 1], [2e-6, -1e9, 1], [-1e-6, 3e9, 1], [1e-6, 2e9, 1]]);
  const { aliased, solve } = factorise(A, size, [2, 0, 1]);
  assert.deepEqual(aliased, []);
  assertAllClose(solve(Float64Array.from(product(A, size, [3e6, -2e-9, 1]))), [3e6, -2e-9, 1], 1e-6, "x");
});
