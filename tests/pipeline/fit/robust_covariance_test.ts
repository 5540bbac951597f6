import assert from "node:assert/strict";
import { trainPart } from "../../../pipeline/examples/split.ts";
import { fit } from "../../../pipeline/fit/fit.ts";
import { precisionAt } from "../../../pipeline/fit/precision.ts";
import { robustCovariance } from "../../../pipeline/fit/robust_covariance.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createRowEncoder } from "../../../pipeline/model/encoded_row.ts";
import { assertAllClose } from "../../support/assert_close.ts";
import { allTrain, alone, encodeExamples, rawExamplesOf, specOf } from "../../support/example_rows.ts";

const random = createRandom(3);
const rows = Array.from({ length: 240 }, (_, id) => {
  const [x, z] = [4 * random.uniform() - 2, random.uniform()];
  const c = ["a", "b", "c"][random.below(3)];
  const rate = 1 / (1 + Math.exp(-(0.7 * x + (c === "a" ? 0.8 : -0.4))));
  const weight = 1 + random.below(3);
  return { id, who: `who-${random.below(50)}`, x, z, c, weight, clicked: random.uniform() < rate ? 1 : 0 };
});

/** Inverts by Gauss-Jordan elimination. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const work = matrix.map((row, i) => [...row, ...row.map((_, j) => i === j ? 1 : 0)]);
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let k = i + 1; k < size; k++) if (Math.abs(work[k][i]) > Math.abs(work[pivot][i])) pivot = k;
    [work[i], work[pivot]] = [work[pivot], work[i]];
    const scale = work[i][i];
    work[i] = work[i].map((value) => value / scale);
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const share = work[k][i];
      work[k] = work[k].map((value, j) => value - share * work[i][j]);
    }
  }
  return work.map((row) => row.slice(size));
}

const product = (a: number[][], b: number[][]) =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));

for (const weight of [false, true]) {
  Deno.test(`robust covariance is the sandwich of the groups' gradients, by hand${weight ? ", with weights" : ""}`, async () => {
    const features = [
      { name: "x", type: "numeric" },
      { name: "z", type: "numeric", bins: 3 },
      { name: "c", type: "categorical" },
    ];
    const spec = specOf(features, { weight });
    const options = { poolPure: false, withGroups: true };
    const { design, encoder } = encodeExamples(rawExamplesOf(spec, rows, 40), spec, allTrain, options);
    const penalty = { l2: 2, l1: 0 };
    const { coefficients } = await fit(design, [trainPart], alone, {
      penalty,
      solver: "newton",
      gradientTolerance: 1e-12,
      iterationsMax: 100,
    });
    const precision = await precisionAt(design, [trainPart], alone, coefficients, penalty);
    const found = robustCovariance(design, [trainPart], coefficients, precision);
    assert.ok(found);

    const size = encoder.columnCount + 1;
    const encode = createRowEncoder(encoder);
    const gradients = new Map<string, number[]>();
    for (const row of rows) {
      const dense = new Array<number>(size).fill(0);
      encode({ x: row.x, z: row.z, c: row.c }, (_, column, value) => dense[column] += value);
      dense[size - 1] = 1;
      const logit = dense.reduce((sum, value, j) => sum + value * coefficients[j], 0);
      const residual = (weight ? row.weight : 1) * (1 / (1 + Math.exp(-logit)) - row.clicked);
      const own = gradients.get(row.who) ?? new Array<number>(size).fill(0);
      gradients.set(row.who, own.map((value, j) => value + residual * dense[j]));
    }
    const scale = gradients.size / (gradients.size - 1);
    const all = [...gradients.values()];
    const indices = [...coefficients.keys()];
    const middle = indices.map((i) =>
      indices.map((j) => scale * all.reduce((sum, s) => sum + s[i] * s[j], 0))
    );
    const bread = inverse(indices.map((i) => [...precision.subarray(i * size, (i + 1) * size)]));
    assertAllClose(found, product(product(bread, middle), bread).flat(), 1e-9, "covariance");
  });
}
