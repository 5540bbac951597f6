import type { Encoder } from "../encode/encoder.ts";
import { defaultResampling } from "../evaluate/evaluation.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { coefficientList } from "./coefficients.ts";
import { crossHeats } from "./crosses.ts";
import type { PartSums } from "./curve_parts.ts";
import type { CurvePlan } from "./curve_plans.ts";
import { fieldCurves } from "./curves.ts";
import { dataQuality } from "./data_quality.ts";
import { permutationImportance } from "./importance.ts";
import { createReachOf } from "./interval_of.ts";
import { modelFacts } from "./model_facts.ts";
import type { ModelReport } from "./model_report.ts";
import type { NumberBins } from "./number_bins.ts";
import type { SampledRow } from "./sampled_rows.ts";

/** What the parts of a report that describe the model are made of. */
export interface ModelInputs extends PartSums {
  readonly encoder: Encoder;
  readonly plans: readonly CurvePlan[];
  /** Of the plans over numbers, in their order; and some values of their columns. */
  readonly bins: readonly NumberBins[];
  readonly values: readonly Float64Array[];
  /** Some of the evaluated rows. */
  readonly sampled: readonly SampledRow[];
}

type ModelParts = Omit<
  ModelReport,
  "version" | "model_id" | "program" | "rows" | "sampled_from" | "evaluation" | "trace"
>;

/** Describes a model: its coefficients, curves, crosses, importance and data. */
export function modelParts(metadata: ArtifactMetadata, inputs: ModelInputs): ModelParts {
  const { encoder, plans, bins, train, evaluated, sampled } = inputs;
  const { network, data, intercept } = metadata;
  const isDeep = network !== undefined;
  const sums = train ?? evaluated;
  const coefficients = new Float64Array(metadata.coefficients);
  const reachOf = createReachOf(metadata);
  const importance = permutationImportance(metadata, sampled, defaultResampling.seed);
  return {
    ...modelFacts(metadata),
    coefficients: isDeep
      ? { shown: [], in_all: encoder.columnCount, intercept }
      : coefficientList({ encoder, coefficients, intercept, sums, bins, reachOf }),
    curves: fieldCurves({ plans, bins, coefficients, reachOf, isDeep, train, evaluated }),
    crosses: isDeep ? [] : crossHeats(encoder, coefficients, sums),
    ...(importance ? { importance } : {}),
    data: dataQuality(data, inputs),
  };
}
