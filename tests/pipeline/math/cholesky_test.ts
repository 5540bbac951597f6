import assert from "node:assert/strict";
import fc from "fast-check";
import { factorise } from "../../../pipeline/math/cholesky.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
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

/** Returns D and what L⁻¹ makes of b, by the loop that both implementations follow. */
function reference(A: Float64Array, size: number, b: Float64Array): { pivots: number[]; z: number[] } {
  const rows: number[][] = [];
  const pivots: number[] = [];
  const z: number[] = [];
  for (let i = 0; i < size; i++) {
    const [row, scaled]: number[][] = [[], []];
    for (let j = 0; j <= i; j++) {
      const sums = [0, 0, 0, 0];
      for (let k = 0; k < j; k++) {
        const products = j === i ? row : rows[j];
        sums[k < j - j % 4 ? k % 4 : 0] += scaled[k] * products[k];
      }
      const left = A[i * size + j] - (sums[0] + sums[1] + (sums[2] + sums[3]));
      if (j === i) pivots.push(left > 1e-11 * A[i * size + i] ? left : 0);
      else {
        scaled.push(left);
        row.push(pivots[j] === 0 ? 0 : left / pivots[j]);
      }
    }
    rows.push(row);
    let sum = b[i];
    for (let k = 0; k < i; k++) sum -= row[k] * z[k];
    z.push(pivots[i] === 0 ? 0 : sum);
  }
  return { pivots, z };
}

for (const size of [1, 9, 255, 256, 257, 258, 259, 260, 301]) {
  Deno.test(`cholesky: ${size} columns, one of them aliased, give the bits of a plain loop`, () => {
    const random = createRandom(size);
    const A = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < i; j++) A[i * size + j] = random.uniform() - 0.5;
      A[i * size + i] = size;
    }
    // The last column is the one before it.
    const last = size - 1;
    for (let j = 0; j < last; j++) A[last * size + j] = A[(last - 1) * size + j];
    const b = Float64Array.from({ length: size }, () => random.uniform());

    const { aliased, solve } = factorise(A, size, ascending(size));

    const { pivots, z } = reference(A, size, b);
    assert.deepEqual(aliased, size > 1 ? [last] : []);
    // The last unknown of the solution is the only one without a sum.
    const x = solve(b);
    const unknown = size > 1 ? last - 1 : last;
    assert.equal(x[unknown], z[unknown] / pivots[unknown]);
  });
}
