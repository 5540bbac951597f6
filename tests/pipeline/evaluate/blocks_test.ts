import assert from "node:assert/strict";
import { defaultResampling, evaluate, type ScoredRows } from "../../../pipeline/evaluate/evaluation.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { createRandom } from "../../../pipeline/math/random.ts";

const options = { ...defaultResampling, baseRate: 0.3 };

/** Rows in groups of three, which are alike. */
function makeRows(count: number, seed: number): ScoredRows {
  const random = createRandom(seed);
  const rows = {
    probabilities: new Float64Array(count),
    labels: new Uint8Array(count),
    groups: new Uint32Array(count),
  };
  for (let i = 0, logit = 0; i < count; i++) {
    if (i % 3 === 0) logit = 4 * random.uniform() - 3;
    rows.probabilities[i] = 1 / (1 + Math.exp(-logit - 0.3 * random.uniform()));
    rows.labels[i] = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    rows.groups[i] = hashOf(`${seed} ${Math.floor(i / 3)}`);
  }
  return rows;
}

Deno.test("evaluation by blocks: values are those of the rows, and intervals are about as wide as those by groups", () => {
  const ratios: number[] = [];
  for (let seed = 1; seed <= 6; seed++) {
    const rows = makeRows(12_000, seed);
    const exact = evaluate(rows, options);
    const coarse = evaluate(rows, { ...options, blocksFrom: 12_000 });
    assert.equal(exact.blocks, undefined);
    assert.equal(coarse.blocks, 64);
    assert.equal(coarse.groups, exact.groups);
    const tolerances = { log_loss: 1e-12, brier: 1e-12, auc: 2e-5, pr_auc: 2e-3, ece: 3e-3 };
    for (const name of ["log_loss", "brier", "auc", "pr_auc", "ece"] as const) {
      const [a, b] = [exact.metrics[name], coarse.metrics[name]];
      assert.ok(
        Math.abs(Number(a.value) - Number(b.value)) < tolerances[name],
        `${name} ${a.value} ${b.value}`,
      );
      ratios.push((Number(b.high) - Number(b.low)) / (Number(a.high) - Number(a.low)));
    }
    for (const { threshold, recall } of coarse.gains) {
      const chosen = rows.labels.filter((_, i) => rows.probabilities[i] >= threshold * (1 - 1 / 128));
      assert.ok(recall <= chosen.reduce((sum, label) => sum + label, 0) / exact.clicks + 1e-9);
    }
    for (const [i, bin] of coarse.reliability.entries()) {
      assert.ok(Math.abs(bin.observed - exact.reliability[i].observed) < 0.06);
      assert.ok(bin.low < bin.observed && bin.observed < bin.high);
    }
    const [base, other] = [exact.baselines.base_rate.difference, coarse.baselines.base_rate.difference];
    ratios.push((Number(other.high) - Number(other.low)) / (Number(base.high) - Number(base.low)));
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  assert.ok(mean > 0.93 && mean < 1.07, String(mean));
  for (const ratio of ratios) assert.ok(ratio > 0.65 && ratio < 1.4, String(ratio));
});

Deno.test("evaluation by blocks: fewer rows than the option says are resampled by groups", () => {
  const rows = makeRows(3_000, 1);
  assert.deepEqual(evaluate(rows, { ...options, blocksFrom: 3_001 }), evaluate(rows, options));
});
