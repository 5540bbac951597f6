import assert from "node:assert/strict";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import { hessianByOf } from "../../../pipeline/fit/sums_layout.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { denseExamples, denseLoss } from "../../support/dense_loss.ts";
import { alone, encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";

/** Two fields with this many levels share a group; three would have too many combinations. */
const wideLevels = 211;
const rowCount = 260;

/** Returns a design with the given numbers of groups and numeric columns; without groups it has no categorical fields. */
function designWith(
  groupCount: number,
  numericCount: number,
  random: Random,
  options: { weight?: boolean } = {},
): DesignMatrix {
  const fieldCount = groupCount === 0 ? 0 : 2 * groupCount - 1;
  const levelCount = groupCount > 1 ? wideLevels : 4;
  const categories = Array.from({ length: fieldCount }, (_, f) => ({ name: `c${f}`, type: "categorical" }));
  const numbers = Array.from({ length: numericCount }, (_, j) => ({ name: `x${j}`, type: "numeric" }));
  const rows = Array.from({ length: rowCount }, (_, i): ExampleRow => ({
    clicked: random.below(3) === 0 ? 1 : 0,
    weight: 0.25 + random.uniform(),
    ...Object.fromEntries(categories.map(({ name }, f) => [name, `level ${(i * (f + 1)) % levelCount}`])),
    ...Object.fromEntries(numbers.map(({ name }) => [name, 4 * random.uniform() - 1])),
    // A missing value's indicator is a field of the groups.
    ...(groupCount > 0 && numericCount > 0 && i % 9 === 0 ? { x0: null } : {}),
  }));
  const { design } = encodeRows(specOf([...categories, ...numbers], options), rows, { chunkRows: 37 });
  assert.equal(design.groups.length, groupCount, "unexpected number of groups");
  assert.equal(design.numericColumns.length, numericCount);
  return design;
}

function randomPoint(design: DesignMatrix, random: Random, size = 1): Float64Array {
  return Float64Array.from({ length: design.columnCount + 1 }, () => size * (2 * random.uniform() - 1));
}

/** Returns a design with many fields of few levels, whose tables over pairs of cells would be larger than the Hessian. */
function designOfManyFields(numericCount: number, random: Random): DesignMatrix {
  const names = Array.from({ length: 12 }, (_, f) => `c${f}`);
  const numbers = Array.from({ length: numericCount }, (_, j) => `x${j}`);
  const rows = Array.from({ length: rowCount - 1 }, (): ExampleRow => ({
    clicked: random.below(3) === 0 ? 1 : 0,
    weight: 0.25 + random.uniform(),
    ...Object.fromEntries(names.map((name) => [name, random.below(6)])),
    ...Object.fromEntries(
      numbers.map((name) => [name, random.below(9) === 0 ? null : random.uniform() - 0.4]),
    ),
  }));
  const spec = specOf(
    [
      ...names.map((name) => ({ name, type: "categorical" })),
      ...numbers.map((name) => ({ name, type: "numeric", bins: 3 })),
    ],
    { weight: true, crosses: [{ of: ["c3", "c7"], minCount: 3 }, { of: ["c0", "c11"], minCount: 4 }] },
  );
  return encodeRows(spec, rows, { chunkRows: 37 }).design;
}

for (const numbers of [0, 1, 4]) {
  Deno.test(`objective: a Hessian by columns equals that of the dense design, with ${numbers} numeric columns`, async () => {
    const random = createRandom(900 + numbers);
    const design = designOfManyFields(numbers, random);
    assert.equal(hessianByOf(design), "columns");
    const point = randomPoint(design, random, 0.5);
    const expected = denseLoss(denseExamples(design), point);
    const { loss, gradient, hessian = [] } = await (await createPasses(design, [0], alone))
      .evaluate(point, { hessian: true });
    assertClose(loss, expected.loss, 1e-12, "loss");
    assertAllClose(gradient, expected.gradient, 1e-12, "gradient");
    assertAllClose(hessian, expected.hessian.flat(), 1e-12, "Hessian");
  });
}

const shapes = [
  ...[1, 2, 3, 4].map((numbers) => ({ groups: 0, numbers })),
  ...[0, 1, 2, 3, 4].map((numbers) => ({ groups: 1, numbers })),
  ...[0, 1, 3].map((numbers) => ({ groups: 2, numbers })),
  ...[0, 2, 4].map((numbers) => ({ groups: 3, numbers })),
];

for (const { groups, numbers } of shapes) {
  const shape = `${groups} groups of categories and ${numbers} numeric columns`;

  Deno.test(`objective: loss, gradient and Hessian equal those of the dense design, with ${shape}`, async () => {
    for (const weight of [false, true]) {
      const random = createRandom(10 * groups + numbers);
      const design = designWith(groups, numbers, random, { weight });
      const passes = await createPasses(design, [0], alone);
      const point = randomPoint(design, random);
      const expected = denseLoss(denseExamples(design), point);
      const full = await passes.evaluate(point, { hessian: true });
      const slim = await passes.evaluate(point, { hessian: false });
      for (const { loss, gradient } of [full, slim]) {
        assertClose(loss, expected.loss, 1e-12, "loss");
        assertAllClose(gradient, expected.gradient, 1e-12, "gradient");
      }
      assert.equal(slim.hessian, undefined);
      const curvatures = await passes.curvatures(point);
      assertAllClose(curvatures, expected.hessian[design.columnCount], 1e-12, "the intercept's row");
      const direction = randomPoint(design, random);
      const products = expected.hessian.map((row) =>
        row.reduce((sum, entry, j) => sum + entry * direction[j], 0)
      );
      assertAllClose(
        await passes.hessianTimes(point, direction),
        products,
        1e-11,
        "Hessian times a direction",
      );
      assertAllClose(full.hessian ?? [], expected.hessian.flat(), 1e-12, "Hessian");
    }
  });

  Deno.test(`objective: gradient and Hessian agree with finite differences, with ${shape}`, async () => {
    const random = createRandom(100 + 10 * groups + numbers);
    const design = designWith(groups, numbers, random);
    const passes = await createPasses(design, [0], alone);
    const point = randomPoint(design, random);
    const { gradient, hessian = new Float64Array() } = await passes.evaluate(point, { hessian: true });
    const size = point.length;
    const step = 1e-5;
    // About 24 of the columns, including the intercept: a wide design has hundreds of similar ones.
    const stride = Math.max(1, Math.floor(size / 24));
    for (let j = size - 1; j >= 0; j -= stride) {
      const lossNear = async (share: number) => {
        const moved = point.slice();
        moved[j] += share * step;
        return await passes.evaluate(moved, { hessian: false });
      };
      const [up, down] = [await lossNear(1), await lossNear(-1)];
      assertClose(gradient[j], (up.loss - down.loss) / (2 * step), 1e-6, `gradient[${j}]`);
      const column = Float64Array.from({ length: size }, (_, i) => hessian[i * size + j]);
      const slopes = up.gradient.map((value, i) => (value - down.gradient[i]) / (2 * step));
      assertAllClose(column, slopes, 1e-6, `column ${j} of the Hessian`);
    }
  });
}

Deno.test("objective: rows of other parts are not counted", async () => {
  const spec = specOf([{ name: "x", type: "numeric", scale: "none" }, { name: "c", type: "categorical" }]);
  const rows = Array.from(
    { length: 90 },
    (_, i) => ({ x: i % 7, c: "ab"[i % 2], clicked: i % 3 === 0 ? 1 : 0 }),
  );
  const { design } = encodeRows(spec, rows, {
    chunkRows: 20,
    partition: { partCount: 3, partOf: (_group, _label, row) => row % 3 },
  });
  const random = createRandom(5);
  const point = randomPoint(design, random);
  const each = await Promise.all(
    [[0], [1], [2], [0, 1, 2]].map(async (parts) =>
      await (await createPasses(design, parts, alone)).evaluate(point, { hessian: true })
    ),
  );
  assertClose(each[0].loss, denseLoss(denseExamples(design), point).loss, 1e-12, "loss");
  assertClose(each[0].loss + each[1].loss + each[2].loss, each[3].loss, 1e-12, "sum of the parts' losses");
  const sums = each[0].gradient.map((value, j) => value + each[1].gradient[j] + each[2].gradient[j]);
  assertAllClose(sums, each[3].gradient, 1e-12, "sum of the parts' gradients");
});

Deno.test("objective: log-odds of ±800 give the correct, finite loss, gradient and Hessian", async () => {
  const spec = specOf([{ name: "x", type: "numeric", scale: "none" }]);
  for (const weight of [undefined, 2]) {
    const rows = [1, -1, 1, -1].map((x, i) => ({ x, clicked: i < 2 ? 1 : 0, weight: weight ?? 1 }));
    const weighted = weight === undefined
      ? spec
      : specOf([{ name: "x", type: "numeric", scale: "none" }], { weight: true });
    const { design } = encodeRows(weighted, rows);
    const passes = await createPasses(design, [0], alone);
    // Columns: x, x:missing, intercept.
    const { loss, gradient, hessian } = await passes.evaluate(Float64Array.of(800, 0, 0), { hessian: true });
    const share = weight ?? 1;
    // A click at −800 and none at +800 cost 800 each; the certain and correct rows cost nothing.
    assertClose(loss, 1600 * share, 1e-15, "loss");
    assert.deepEqual([...gradient], [2 * share, 0, 0]);
    assert(hessian?.every((value) => value >= 0 && value < 1e-300), "a certain row has no curvature");
  }
});

Deno.test("objective: the loss of thousands of rows does not overflow", async () => {
  const spec = specOf([{ name: "x", type: "numeric" }]);
  const rows = Array.from({ length: 5000 }, (_, i) => ({ x: 1, clicked: i % 2 }));
  const { design } = encodeRows(spec, rows, { chunkRows: 5000 });
  const passes = await createPasses(design, [0], alone);
  for (const hessian of [false, true]) {
    const { loss } = await passes.evaluate(new Float64Array(3), { hessian });
    assertClose(loss, 5000 * Math.LN2, 1e-12, "loss");
  }
});
