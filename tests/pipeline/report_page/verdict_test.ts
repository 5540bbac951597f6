import assert from "node:assert/strict";
import {
  calibrationGrade,
  comparisonGrade,
  gainShare,
  type Grade,
  gradeFrom,
  gradeUpTo,
  limits,
  overallGrade,
  partsGrade,
  precisionShare,
  skillOf,
  spreadOf,
  thresholds,
  worstPart,
} from "../../../pipeline/report_page/verdict.ts";
import { storedReport } from "../../support/stored_report.ts";

const { evaluation } = storedReport();

Deno.test("grades of what should be high begin at these values", () => {
  assert.deepEqual(thresholds, {
    skill: { good: 0.03, fair: 0.005 },
    auc: { good: 0.65, fair: 0.55 },
    precision: { good: 0.1, fair: 0.03 },
    gains: { good: 0.2, fair: 0.08 },
    spread: { good: 2, fair: 1.3 },
  });
  const grades = [0.65, 0.6499, 0.55, 0.5499].map((auc) => gradeFrom(auc, thresholds.auc));
  assert.deepEqual(grades, ["good", "fair", "fair", "poor"]);
});

Deno.test("grades of what should be low end at these values", () => {
  assert.deepEqual(limits, {
    calibration: { good: 0.05, fair: 0.15 },
    part: { good: 0.1, fair: 0.25 },
    leaning: { good: 0.7, fair: 0.9 },
    missing: { good: 0.2, fair: 0.5 },
    unseen: { good: 0.02, fair: 0.1 },
  });
  const grades = [0.2, 0.21, 0.5, 0.51].map((share) => gradeUpTo(share, limits.missing));
  assert.deepEqual(grades, ["good", "fair", "fair", "poor"]);
});

Deno.test("a model that saves a tenth of the log loss is good, unless chance may explain it", () => {
  const withSkill = (saved: number, low: number) => {
    const { base_rate } = evaluation.baselines;
    const loss = { value: 0.5, low: 0.49, high: 0.51 };
    const difference = { value: 0.5 * saved, low, high: saved };
    return { ...evaluation, baselines: { base_rate: { ...base_rate, log_loss: loss, difference } } };
  };
  assert.equal(skillOf(withSkill(0.1, 0.01)).grade, "good");
  assert.equal(skillOf(withSkill(0.01, 0.001)).grade, "fair");
  assert.equal(skillOf(withSkill(0.001, 0.0001)).grade, "poor");
  assert.equal(skillOf(withSkill(0.1, -0.01)).grade, "poor");
  assert.equal(overallGrade(withSkill(0.1, 0.01), "held-out"), "good");
  assert.equal(overallGrade(withSkill(0.1, 0.01), "training"), "fair", "rows that it learned from");
});

Deno.test("calibration is graded by what chance does not explain, relative to the rarer label", () => {
  const withEce = (value: number, observed: number): Grade =>
    calibrationGrade({
      ...evaluation,
      observed,
      perfect_ece: 0.01,
      metrics: { ...evaluation.metrics, ece: { value, low: null, high: null } },
    });
  assert.equal(withEce(0.01, 0.001), "good", "what a perfect model shows");
  assert.equal(withEce(0.02, 0.25), "good", "0.01 of 0.25");
  assert.equal(withEce(0.02, 0.9), "fair", "0.01 of 0.1");
  assert.equal(withEce(0.02, 0.05), "poor", "0.01 of 0.05");
});

Deno.test("gains, precision and spread are graded by their way from chance to the best possible", () => {
  const gains = [0.1, 0.9].map((share) => ({
    share,
    threshold: 0.6 - share / 2,
    recall: 0,
    precision: 0,
    lift: 2,
  }));
  const own = { ...evaluation, gains, observed: 0.2 };
  assert.equal(gainShare(own, 0.1), 0.25, "a lift of 2, of 5 at most");
  assert.equal(spreadOf(own), 0.55 / 0.15);
  const pr_auc = { value: 0.4, low: null, high: null };
  assert.equal(precisionShare({ ...own, metrics: { ...own.metrics, pr_auc } }), 0.25);
});

Deno.test("a part is judged if chance does not explain how far its prediction is from its click rate", () => {
  const part = (name: string, rows: number, predicted: number, observed: number) => ({
    name,
    rows,
    predicted,
    observed,
  });
  assert.equal(partsGrade([part("few", 40, 0.2, 0.3), part("chance", 1000, 0.2, 0.22)]), "good");
  assert.equal(partsGrade([part("near", 100_000, 0.2, 0.21)]), "good");
  assert.equal(partsGrade([part("off", 10_000, 0.2, 0.24)]), "fair");
  const parts = [part("off", 10_000, 0.2, 0.24), part("far", 10_000, 0.2, 0.3)];
  assert.equal(partsGrade(parts), "poor");
  assert.equal(worstPart(parts)?.part.name, "far");
});

Deno.test("a comparison is good if the model is better than the other by more than chance explains", () => {
  const test = (difference: number, p_value: number | null) =>
    comparisonGrade({ difference, standard_error: 0.01, z: 1, p_value });
  assert.deepEqual([test(0.1, 0.01), test(-0.1, 0.01), test(0.1, 0.2), test(0, null)], [
    "good",
    "poor",
    "fair",
    "fair",
  ]);
});
