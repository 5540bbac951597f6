import assert from "node:assert/strict";
import type { OutOfFoldRows } from "../../../../pipeline/fit/calibration/calibrate.ts";
import { checkCalibration } from "../../../../pipeline/fit/calibration/check.ts";
import { hashOf } from "../../../../pipeline/math/hash.ts";
import { createRandom } from "../../../../pipeline/math/random.ts";

interface Made {
  readonly seed?: number;
  readonly truth?: (logit: number) => number;
  readonly groups?: number;
  /** Rows of a group, which all have its log-odds and its label. */
  readonly copies?: number;
  readonly mean?: number;
}

function makeRows(
  { seed = 1, truth = (z) => z, groups = 2_000, copies = 1, mean = -1 }: Made = {},
): OutOfFoldRows {
  const random = createRandom(seed);
  const drawn = Array.from({ length: groups }, () => {
    const logit = mean + 4 * random.uniform() - 2;
    return { logit, label: random.uniform() < 1 / (1 + Math.exp(-truth(logit))) ? 1 : 0 };
  });
  const rows = drawn.flatMap((row, group) =>
    Array.from({ length: copies }, () => ({ ...row, group: hashOf(`g${group}`) }))
  );
  return {
    logits: Float64Array.from(rows, ({ logit }) => logit),
    labels: Uint8Array.from(rows, ({ label }) => label),
    groups: Uint32Array.from(rows, ({ group }) => group),
  };
}

/** How many samples of a kind are reported, and their mean distance per degree of freedom. */
function reported(made: Made, samples = 400): { off: number; ratio: number } {
  const found = Array.from(
    { length: samples },
    (_, seed) => checkCalibration(makeRows({ ...made, seed: seed + 1 })),
  );
  return {
    off: found.filter((one) => one?.isOff).length,
    ratio: found.reduce((sum, one) => sum + (one ? one.chiSquare / one.degrees : 0), 0) / found.length,
  };
}

Deno.test("the check reports a calibrated model once in some thousand times, for rows, for copies in groups and for rare clicks", () => {
  for (const made of [{}, { groups: 300, copies: 10 }, { mean: -5, groups: 4_000 }]) {
    const { off, ratio } = reported(made);
    assert.ok(off <= 2, `${off} of 400 (${JSON.stringify(made)})`);
    assert.ok(ratio > 0.8 && ratio < 1.15, `chi-square ${ratio} per degree (${JSON.stringify(made)})`);
  }
});

Deno.test("the check reports a wrong slope, a wrong mean and a curve", () => {
  const wrong: readonly ((z: number) => number)[] = [
    (z) => 0.6 * z - 0.3,
    (z) => z + 0.4,
    (z) => z < -1 ? -2 : 0.3 + 1.2 * (z + 1),
  ];
  for (const truth of wrong) {
    const { off } = reported({ truth, groups: 4_000 }, 50);
    assert.ok(off >= 47, `${off} of 50 (${truth})`);
  }
  const found = checkCalibration(makeRows({ truth: (z) => 0.6 * z, groups: 50_000 }));
  assert.ok(found?.isOff && found.slope !== undefined && Math.abs(found.slope - 0.6) < 0.05);
});

Deno.test("a deviation that is certain but small is not reported, and few rows tell nothing", () => {
  const found = checkCalibration(makeRows({ truth: (z) => z + 0.02, groups: 300_000, mean: 0 }));
  assert.ok(found && found.chiSquare > 15 && !found.isOff, JSON.stringify(found));
  assert.equal(checkCalibration(makeRows({ groups: 50 })), undefined);
  assert.equal(checkCalibration(makeRows({ groups: 500, mean: -8 })), undefined);
});
