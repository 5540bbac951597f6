import assert from "node:assert/strict";
import { evaluatedReport, reportWithoutTraining } from "../../../pipeline/report/evaluated_report.ts";
import { formatReport, parseReport } from "../../../pipeline/report/report_file.ts";
import { metadata } from "../../support/trained_model.ts";
import { storedReport } from "../../support/stored_report.ts";

const stored = storedReport();
const evaluation = { ...stored.evaluation, rows: 123 };

Deno.test("the report of an evaluation on the held-out rows is that of the training, with what was found", () => {
  assert.deepEqual(evaluatedReport({ ...stored, sampled_from: 9 }, evaluation, "held-out"), {
    ...stored,
    evaluation,
  });
});

Deno.test("the report of an evaluation on rows of files does not show the rates of other rows as theirs", () => {
  for (const [rows, from] of [["files", "held-out"], ["held-out", "training"]] as const) {
    const report = evaluatedReport({ ...stored, rows: from }, evaluation, rows);
    assert.equal(report.rows, rows);
    const parts = report.curves.flatMap(({ parts }) => parts);
    assert.ok(parts.every(({ evaluated }) => evaluated.rows === 0));
    assert.deepEqual(
      parts.map(({ train }) => train),
      stored.curves.flatMap(({ parts }) => parts.map(({ train }) => train)),
    );
  }
});

Deno.test("the report of an evaluation of a model without one has what the model's files say", () => {
  const report = reportWithoutTraining({ id: "cw-0123456789abcdef", metadata }, evaluation, "files");
  assert.equal(parseReport(formatReport(report), report.model_id).model_id, report.model_id, "its shape");
  assert.equal(report.coefficients.in_all, metadata.coefficients.length);
  const sizes = report.coefficients.shown.map(({ value }) => Math.abs(value));
  assert.deepEqual(sizes, sizes.toSorted((a, b) => b - a));
  assert.deepEqual([report.curves, report.data.fields, report.notes], [[], [], metadata.notes]);
});
