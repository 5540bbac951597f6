import type { Evaluation } from "../evaluate/evaluation.ts";
import { columnNames } from "../encode/column_names.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { rowQuality } from "./data_quality.ts";
import { modelFacts } from "./model_facts.ts";
import type { CoefficientList, FieldCurve, ModelReport } from "./model_report.ts";
import { shortName } from "./short_name.ts";

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

const coefficientsMax = 200;

/** Returns the report of an evaluation of a model whose training has kept none: what the model's own files say, and what was found. */
export function reportWithoutTraining(
  { id, metadata }: { readonly id: string; readonly metadata: ArtifactMetadata },
  evaluation: Evaluation,
  rows: "held-out" | "files",
): ModelReport {
  return {
    version: 1,
    model_id: id,
    program: metadata.program,
    rows,
    evaluation,
    ...modelFacts(metadata),
    coefficients: coefficientsOf(metadata),
    curves: [],
    crosses: [],
    trace: [],
    data: { ...rowQuality(metadata.data), fields: [] },
  };
}

/** The largest first: how many rows have a column is not known. */
function coefficientsOf({ encoder, coefficients, intercept, network }: ArtifactMetadata): CoefficientList {
  const names = columnNames(encoder);
  const shown = network ? [] : names
    .map((name, i) => ({ column: shortName(name), field: shortName(name), value: coefficients[i] }))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return { shown: shown.slice(0, coefficientsMax), in_all: names.length, intercept };
}
