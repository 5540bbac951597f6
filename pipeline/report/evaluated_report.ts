import type { Evaluation } from "../evaluate/evaluation.ts";
import type { FieldCurve, ModelReport } from "./model_report.ts";

/**
 * Returns the report of an evaluation: the one that the training has kept of the model, with what the evaluation found. The rates of
 * bins and levels are of the rows held out at the training; of other rows these are not known, so that the curves then show those of
 * the training rows.
 */
export function evaluatedReport(
  { sampled_from: _, ...stored }: ModelReport,
  evaluation: Evaluation,
  rows: "held-out" | "files",
): ModelReport {
  const isOfSameRows = rows === "held-out" && stored.rows === "held-out";
  const curves = isOfSameRows ? stored.curves : stored.curves.map(withoutEvaluated);
  return { ...stored, rows, evaluation, curves };
}

function withoutEvaluated(curve: FieldCurve): FieldCurve {
  return {
    ...curve,
    parts: curve.parts.map((part) => ({ ...part, evaluated: { rows: 0, clicks: 0, predicted: 0 } })),
  };
}
