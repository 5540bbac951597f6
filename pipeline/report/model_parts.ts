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
import type { ModelReport, ReportColumns } from "./model_report.ts";
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

const notesMax = 60;
const noteLengthMax = 600;

/** Describes a model: its coefficients, curves, crosses, importance and data. */
export function modelParts(metadata: ArtifactMetadata, inputs: ModelInputs): ModelParts {
  const { encoder, plans, bins, train, evaluated, sampled } = inputs;
  const { network, solver, hyperParameters, data, notes, warnings = [], intercept } = metadata;
  const isDeep = network !== undefined;
  const sums = train ?? evaluated;
  const coefficients = Float64Array.from(metadata.coefficients);
  const reachOf = createReachOf(metadata);
  const importance = permutationImportance(metadata, sampled, defaultResampling.seed);
  return {
    columns: columnsOf(metadata.spec),
    coefficients: isDeep
      ? { shown: [], in_all: encoder.columnCount, intercept }
      : coefficientList({ encoder, coefficients, intercept, sums, bins, reachOf }),
    curves: fieldCurves({ plans, bins, coefficients, reachOf, isDeep, train, evaluated }),
    crosses: isDeep ? [] : crossHeats(encoder, coefficients, sums),
    ...(importance ? { importance } : {}),
    solver: {
      name: solver.name,
      iterations: solver.iterations,
      gradient_max: solver.gradientMax,
      objective: solver.objective,
      ...(solver.criterion === undefined ? {} : { criterion: solver.criterion }),
    },
    hyper_parameters: hyperParameters,
    data: dataQuality(data, inputs),
    notes: notes.slice(0, notesMax).map(shortened),
    warnings: warnings.slice(0, notesMax).map(({ kind, text }) => ({ kind, text: shortened(text) })),
  };
}

function columnsOf(spec: ArtifactMetadata["spec"]): ReportColumns {
  const nameOf = (name: string) => typeof spec[name] === "string" ? { [name]: spec[name] } : {};
  return {
    label: String(spec.label),
    group: String(spec.group),
    ...nameOf("time"),
    ...nameOf("weight"),
  };
}

function shortened(text: string): string {
  return text.length > noteLengthMax ? `${text.slice(0, noteLengthMax - 1).toWellFormed()}…` : text;
}
