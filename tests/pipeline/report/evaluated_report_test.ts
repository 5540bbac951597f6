import assert from "node:assert/strict";
import { evaluatedReport } from "../../../pipeline/report/evaluated_report.ts";
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
