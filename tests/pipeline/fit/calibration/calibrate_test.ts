import assert from "node:assert/strict";
import fc from "fast-check";
import { calibrate, type OutOfFoldRows } from "../../../../pipeline/fit/calibration/calibrate.ts";
import { fitIsotonic, poolViolators } from "../../../../pipeline/fit/calibration/isotonic.ts";
import { fitPlatt } from "../../../../pipeline/fit/calibration/platt.ts";
import { hashOf } from "../../../../pipeline/math/hash.ts";
import { createRandom } from "../../../../pipeline/math/random.ts";
import { type CalibrationMap, createCalibration } from "../../../../pipeline/model/calibration_map.ts";
import references from "../../../fixtures/calibration.json" with { type: "json" };
import { assertAllClose, assertClose } from "../../../support/assert_close.ts";

type Reference = Pick<typeof references[number], "logits" | "labels"> & { readonly weights?: number[] };

/** Sums the rows of each distinct log-odds. */
function rankedOf({ logits, labels, weights }: Reference) {
  const distinct = [...new Set(logits)].sort((a, b) => a - b);
  const sumOf = (of: (row: number) => number) =>
    Float64Array.from(distinct, (z) => logits.reduce((sum, own, i) => own === z ? sum + of(i) : sum, 0));
  const weightOf = (row: number) => weights?.[row] ?? 1;
  return {
    logits: Float64Array.from(distinct),
    weights: sumOf(weightOf),
    clicks: sumOf((row) => weightOf(row) * labels[row]),
  };
}

/** Rows whose true log-odds are a function of those that the model gives. */
function makeRows(
  count: number,
  truth: (logit: number) => number,
  { seed = 1, perGroup = 2 } = {},
): OutOfFoldRows {
  const random = createRandom(seed);
  const logits = Float64Array.from({ length: count }, () => 8 * random.uniform() - 5);
  return {
    logits,
    labels: Uint8Array.from(logits, (z) => random.uniform() < 1 / (1 + Math.exp(-truth(z))) ? 1 : 0),
    groups: Uint32Array.from(logits, (_, i) => hashOf(`group ${Math.floor(i / perGroup)}`)),
  };
}

for (const reference of references) {
  Deno.test(`platt is scikit-learn's sigmoid: ${reference.name}`, () => {
    const map = fitPlatt(rankedOf(reference));
    assert.ok(map);
    // scikit-learn stops at a gradient of 1e-5 or so.
    assertClose(map.slope, reference.platt.slope, 1e-4, "slope");
    assertClose(map.intercept, reference.platt.intercept, 1e-4, "intercept");
  });

  Deno.test(`blocks have the rates of scikit-learn's isotonic regression: ${reference.name}`, () => {
    const ranked = rankedOf(reference);
    const blocks = poolViolators(ranked);
    const found: number[] = [];
    let [block, weight] = [0, 0];
    for (const own of ranked.weights) {
      if (weight >= blocks[block].weight - 1e-9) [block, weight] = [block + 1, 0];
      weight += own;
      found.push(blocks[block].clicks / blocks[block].weight);
    }
    assertAllClose([...ranked.logits], reference.isotonic.logits, 0, "log-odds");
    assertAllClose(found, reference.isotonic.rates, 1e-12, "rates");
  });
}

Deno.test("platt finds the slope and the intercept of rows that have them", () => {
  const { map } = calibrate(makeRows(200_000, (z) => 0.6 * z - 0.3), "platt");
  assert.equal(map?.method, "platt");
  assertClose(map.method === "platt" ? map.slope : NaN, 0.6, 0.01, "slope");
  assertClose(map.method === "platt" ? map.intercept : NaN, -0.3, 0.02, "intercept");
});

Deno.test("isotonic finds a curve that no slope has, with at most 50 points", () => {
  const truth = (z: number) => z < -1 ? -2 + 0.1 * (z + 1) : -2 + 1.5 * (z + 1);
  const { map, lossBefore, lossAfter } = calibrate(makeRows(200_000, truth), "isotonic");
  assert.equal(map?.method, "isotonic");
  if (map?.method !== "isotonic") return;
  assert.ok(map.logits.length <= 50 && map.logits.length > 5, `${map.logits.length} points`);
  const calibrated = createCalibration(map);
  for (const z of [-4, -2.5, -1, 0, 1, 2]) {
    assertClose(calibrated(z), truth(z), 0.1, `the log-odds at ${z}`);
  }
  assert.ok(lossAfter < lossBefore - 0.01);
});

Deno.test("auto keeps calibrated log-odds, takes platt for a slope and isotonic for a curve", () => {
  const chosen = (truth: (z: number) => number, seed: number) =>
    calibrate(makeRows(20_000, truth, { seed }), "auto").map?.method;
  const curve = (z: number) => z < -1 ? -2 : -2 + 1.5 * (z + 1);
  let kept = 0;
  for (let seed = 1; seed <= 20; seed++) if (chosen((z) => z, seed) === undefined) kept++;
  assert.ok(kept >= 19, `kept in ${kept} of 20`);
  for (const seed of [1, 2, 3]) {
    assert.equal(chosen((z) => 0.7 * z, seed), "platt");
    assert.equal(chosen(curve, seed), "isotonic");
  }
});

Deno.test("rows that are copies of others within their groups are no reason to take a map", () => {
  const few = makeRows(300, (z) => z, { seed: 5, perGroup: 1 });
  const copies = 100;
  const indices = Array.from({ length: 300 * copies }, (_, i) => Math.floor(i / copies));
  const rows = {
    logits: Float64Array.from(indices, (i) => few.logits[i]),
    labels: Uint8Array.from(indices, (i) => few.labels[i]),
    groups: Uint32Array.from(indices, (i) => few.groups[i]),
  };
  assert.equal(calibrate(rows, "auto").map, undefined);
});

Deno.test("a row of weight 3 is three rows; none and a rate that does not rise have no map", () => {
  const rows = makeRows(3_000, (z) => 0.5 * z, { seed: 3 });
  const weights = Float64Array.from(rows.logits, (_, i) => 1 + i % 3);
  const indices = [...weights].flatMap((weight, i) => new Array<number>(weight).fill(i));
  const repeated = {
    logits: Float64Array.from(indices, (i) => rows.logits[i]),
    labels: Uint8Array.from(indices, (i) => rows.labels[i]),
    groups: Uint32Array.from(indices, (i) => rows.groups[i]),
  };
  for (const choice of ["platt", "isotonic", "auto"] as const) {
    const [a, b] = [calibrate({ ...rows, weights }, choice), calibrate(repeated, choice)];
    assertClose(a.lossAfter, b.lossAfter, 1e-12, `${choice}: loss`);
    for (const z of [-4, 0, 2]) assertClose(at(a.map, z), at(b.map, z), 1e-9, `${choice} at ${z}`);
  }
  assert.equal(calibrate(rows, "none").map, undefined);
  const falling = makeRows(3_000, (z) => -z);
  assert.equal(calibrate(falling, "platt").map, undefined);
});

function at(map: CalibrationMap | undefined, logit: number): number {
  return map ? createCalibration(map)(logit) : logit;
}

Deno.test("a map ascends, and its probabilities lie inside (0, 1), even of rows that the log-odds separate", () => {
  const row = fc.record({
    logit: fc.double({ min: -30, max: 30, noNaN: true }),
    label: fc.constantFrom(0, 1),
    weight: fc.constantFrom(0.25, 1, 3),
  });
  fc.assert(fc.property(fc.array(row, { minLength: 2, maxLength: 60 }), (rows) => {
    const ranked = rankedOf({
      logits: rows.map(({ logit }) => logit),
      labels: rows.map(({ label }) => label),
      weights: rows.map(({ weight }) => weight),
    });
    for (const map of [fitPlatt(ranked), fitIsotonic(ranked)]) {
      if (!map) continue;
      const calibrated = createCalibration(map);
      let before = -Infinity;
      for (let z = -40; z <= 40; z += 0.37) {
        const now = calibrated(z);
        assert.ok(Number.isFinite(now) && now >= before, `${now} after ${before}`);
        before = now;
      }
      assert.ok(Number.isNaN(calibrated(NaN)));
    }
  }));
});
