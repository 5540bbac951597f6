import type { FeatureSpec } from "../examples/spec.ts";
import type { SplitTimes } from "../examples/time_split.ts";
import type { Fit } from "../fit/fit.ts";
import type { ArtifactMetadata, CalibrationRecord, Metrics } from "../model/artifact_metadata.ts";
import { goldenOf } from "../model/golden.ts";
import { packPrecision } from "../model/packed_precision.ts";
import { packDraws } from "../model/table_draws.ts";
import { version } from "../version.ts";
import { type ClassCounts, rowCountsOf } from "./class_counts.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import type { Prepared } from "./prepare.ts";
import type { Uncertainty } from "./uncertainty.ts";

/** All that the metadata of a trained model is made of. */
export interface ModelParts extends
  ClassCounts,
  Pick<
    Prepared,
    "encoder" | "fingerprint" | "goldenRows" | "lastId" | "account" | "times" | "notes" | "warnings"
  > {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  readonly solution: Fit;
  readonly uncertainty: Uncertainty;
  readonly calibration?: CalibrationRecord;
  readonly metrics: Metrics;
  /** Present if the examples lie in an engine. */
  readonly engine?: NonNullable<ArtifactMetadata["data"]["engine"]>;
}

export function describe(parts: ModelParts): ArtifactMetadata {
  const { encoder, solution, lastId, metrics } = parts;
  const { precision, covariance, draws } = parts.uncertainty;
  // + 0 turns −0 into 0, since JSON has no −0. A loop: there may be millions.
  const coefficients: number[] = [];
  for (let i = 0; i < encoder.columnCount; i++) coefficients.push(solution.coefficients[i] + 0);
  const intercept = solution.coefficients[encoder.columnCount] + 0;
  const { network } = solution;
  return {
    layout: 1,
    program: version,
    spec: { ...parts.spec },
    encoder: {
      features: [...encoder.features.map((feature) => ({ ...feature }))],
      columnCount: encoder.columnCount,
      ...(encoder.crosses ? { crosses: encoder.crosses } : {}),
      ...(encoder.rates ? { rates: encoder.rates } : {}),
      ...(encoder.tables ? { tables: encoder.tables } : {}),
    } as ArtifactMetadata["encoder"],
    coefficients,
    intercept,
    ...(network === undefined ? {} : { network }),
    ...(parts.calibration === undefined ? {} : { calibration: parts.calibration }),
    hyperParameters: inOrder(parts.hyperParameters),
    data: {
      fingerprint: parts.fingerprint,
      ...(lastId === undefined ? {} : { last_id: String(lastId) }),
      rows: rowCountsOf(parts, parts.account),
      clicks: { ...parts.clicks },
      ...(parts.times ? { times: timesOf(parts.times) } : {}),
      ...(parts.engine ? { engine: parts.engine } : {}),
      ...(parts.spec.weight === undefined ? {} : { weights: parts.sums }),
    },
    ...(precision === undefined ? {} : { precision: packPrecision(precision) }),
    ...(covariance === undefined ? {} : { covariance: packPrecision(covariance) }),
    ...(draws === undefined ? {} : { draws: packDraws(draws) }),
    metrics,
    solver: {
      name: solution.solver,
      iterations: solution.iterations,
      gradientMax: solution.gradientMax,
      objective: solution.objective,
      ...solution.convergence,
      ...(solution.backend === undefined ? {} : { backend: solution.backend }),
    },
    notes: [...parts.notes],
    ...(parts.warnings.length === 0
      ? {}
      : { warnings: parts.warnings.map((warning) => ({ ...warning, columns: [...warning.columns] })) }),
    golden: goldenOf(
      { encoder, coefficients, intercept, network, calibration: parts.calibration },
      parts.goldenRows,
    ),
  };
}

function timesOf(
  { newest, heldOutFrom, validationFrom, matureUntil }: SplitTimes,
): NonNullable<ArtifactMetadata["data"]["times"]> {
  return {
    newest,
    ...(heldOutFrom === undefined ? {} : { held_out_from: heldOutFrom }),
    ...(validationFrom === undefined ? {} : { validation_from: validationFrom }),
    ...(matureUntil === undefined ? {} : { mature_until: matureUntil }),
  };
}

/**
 * Sorts the settings by name, so that the same settings give the same bytes in whatever order they were given. Leaves out what
 * a file of layers said of its input, which was checked: the same layers give the same bytes wherever they came from.
 */
function inOrder(
  { inputColumns: _, ...hyperParameters }: HyperParameters,
): ArtifactMetadata["hyperParameters"] {
  const entries = Object.entries(hyperParameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
