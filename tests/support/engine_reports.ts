import assert from "node:assert/strict";
import type { Estimate } from "../../pipeline/evaluate/resampling.ts";
import type { CurvePart, FieldCurve } from "../../pipeline/report/model_report.ts";
import { formatReport, parseReport } from "../../pipeline/report/report_file.ts";
import type { TrainingReport } from "../../pipeline/report/training_report.ts";
import { renderReport } from "../../pipeline/report_page/render_report.ts";

/** Compares the report of sums with that of the same rows: numbers are equal where both are exact. */
export function compareReports(own: TrainingReport | undefined, found: TrainingReport | undefined): void {
  assert.ok(own && found);
  assert.deepEqual(parseReport(formatReport({ ...found, model_id: "m" }), "m").engine, found.engine);
  assert.match(renderReport({ ...found, model_id: "m" }).html, /Made from sums/);
  assert.equal(found.rows, own.rows);
  assert.deepEqual(found.columns, own.columns);
  compareEvaluations(own.evaluation, found.evaluation);
  compareCurves(own.curves, found.curves);
  assert.deepEqual(found.data.rows, own.data.rows);
  assert.deepEqual(found.data.excluded, own.data.excluded);
  own.data.fields.forEach(({ median: _, ...field }, i) => {
    const { median: __, ...theirs } = found.data.fields[i];
    close(theirs, field, 1e-6, `data of ${field.field}`);
  });
  assert.equal(found.trace.length > 0, own.trace.length > 0);
  assert.equal(found.crosses.length, own.crosses.length);
  own.crosses.forEach((cross, i) => close(found.crosses[i], cross, 1e-6, `cross ${i}`));
  const byColumn = new Map(found.coefficients.shown.map((one) => [one.column, one]));
  for (const coefficient of own.coefficients.shown) {
    close(byColumn.get(coefficient.column), coefficient, 1e-6, coefficient.column);
  }
  assert.equal(found.importance, undefined);
  assert.ok(found.engine?.missing.some((text) => text.includes("Importance by permutation")));
}

type Evaluation = TrainingReport["evaluation"];

function compareEvaluations(own: Evaluation, found: Evaluation): void {
  for (const member of ["rows", "clicks", "groups", "level", "resamples", "seed"] as const) {
    assert.equal(found[member], own[member], member);
  }
  assert.equal(found.blocks, 64);
  for (const member of ["observed", "predicted", "perfect_ece", "roc", "pr", "gains", "scores"] as const) {
    close(found[member], own[member], 1e-7, member);
  }
  for (const name of ["log_loss", "normalised_entropy", "auc", "pr_auc", "brier", "ece"] as const) {
    close(found.metrics[name].value, own.metrics[name].value, 1e-7, name);
    compareWidths(found.metrics[name], own.metrics[name], name);
  }
  const [ours, theirs] = [own.baselines.base_rate, found.baselines.base_rate];
  close(theirs.log_loss.value, ours.log_loss.value, 1e-9, "base rate");
  compareWidths(theirs.difference, ours.difference, "difference from the base rate");
  assert.equal(found.reliability.length, 15);
  const rowsOf = ({ reliability }: Evaluation) => reliability.reduce((sum, { rows }) => sum + rows, 0);
  close(rowsOf(found), rowsOf(own), 1e-6, "rows of the reliability");
}

/** Intervals by 64 blocks are as wide as those by groups, but for chance: 200 resamples each, of few and of many units. */
function compareWidths(found: Estimate, own: Estimate, name: string): void {
  const widthOf = ({ low, high }: Estimate) => Number(high) - Number(low);
  const ratio = widthOf(found) / widthOf(own);
  assert.ok(ratio > 0.6 && ratio < 1.65, `the interval of ${name} is ${ratio} times as wide as by groups`);
}

function compareCurves(own: readonly FieldCurve[], found: readonly FieldCurve[]): void {
  assert.deepEqual(found.map(({ field }) => field), own.map(({ field }) => field));
  own.forEach((curve, i) => {
    const parts = found[i].parts;
    const areSame = curve.parts.every(({ name }, at) => name === parts[at]?.name);
    if (areSame) return close(parts, curve.parts, 1e-6, curve.field);
    // The parts of numbers are chosen by a sample of rows there, and by slots here.
    assert.equal(curve.type, "numeric");
    assert.ok(parts.length >= 8, `${curve.field} has ${parts.length} parts`);
    for (const member of ["rows", "clicks"] as const) {
      close(sumOf(parts, member), sumOf(curve.parts, member), 1e-6, `${member} of ${curve.field}`);
    }
    assert.ok(Math.abs(found[i].spread / curve.spread - 1) < 0.1, `spread of ${curve.field}`);
  });
}

function sumOf(parts: readonly CurvePart[], member: "rows" | "clicks"): number {
  return parts.reduce((sum, { evaluated, train }) => sum + evaluated[member] + (train?.[member] ?? 0), 0);
}

/** Compares values member by member; numbers may differ by a share of their size. */
function close(found: unknown, own: unknown, tolerance: number, name: string): void {
  if (typeof own === "number" && typeof found === "number") {
    const difference = Math.abs(found - own);
    assert.ok(difference <= tolerance * Math.max(1, Math.abs(own)), `${name}: ${found}, locally ${own}`);
    return;
  }
  if (typeof own !== "object" || own === null || typeof found !== "object" || found === null) {
    return assert.deepEqual(found, own, name);
  }
  assert.deepEqual(Object.keys(found), Object.keys(own), name);
  for (const [key, value] of Object.entries(own)) {
    close((found as Record<string, unknown>)[key], value, tolerance, `${name}.${key}`);
  }
}
