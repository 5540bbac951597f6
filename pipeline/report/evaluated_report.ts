import type { Evaluation } from "../evaluate/evaluation.ts";
import { columnNamer } from "../encode/column_names.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { shownMax } from "./coefficients.ts";
import { rowQuality } from "./data_quality.ts";
import { largest } from "./largest.ts";
import { modelFacts } from "./model_facts.ts";
import type { CoefficientList, ModelReport } from "./model_report.ts";
import { type EvaluatedValues, recountedCurves } from "./recounted_curves.ts";
import { shortName } from "./short_name.ts";

/** What an evaluation found, and the rows that it read. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly rows: "held-out" | "files";
  readonly values: EvaluatedValues;
}

/**
 * Returns the report of an evaluation: the one that the training has kept of the model, with what the evaluation found. The rates of
 * bins and levels are those of the evaluated rows; where these are not known, the curves show those of the training rows.
 */
export function evaluatedReport(
  { sampled_from: _, ...stored }: ModelReport,
  { encoder }: Pick<ArtifactMetadata, "encoder">,
  { evaluation, rows, values }: Evaluated,
): ModelReport {
  const areSame = rows === "held-out" && stored.rows === "held-out" &&
    evaluation.rows === stored.data.rows.test;
  const curves = areSame ? stored.curves : recountedCurves(stored.curves, encoder, values);
  return { ...stored, rows, evaluation, curves };
}

/** Returns the report of an evaluation of a model whose training has kept none: what the model's own files say, and what was found. */
export function reportWithoutTraining(
  { id, metadata }: { readonly id: string; readonly metadata: ArtifactMetadata },
  { evaluation, rows }: Omit<Evaluated, "values">,
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
  const nameOf = columnNamer(encoder);
  const shown = network ? [] : largest(coefficients.map(Math.abs), shownMax);
  return {
    shown: shown.map((column) => {
      const name = shortName(nameOf(column));
      return { column: name, field: name, value: coefficients[column] };
    }),
    in_all: encoder.columnCount,
    intercept,
  };
}
