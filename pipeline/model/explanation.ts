import { servedCalibration } from "./calibration_map.ts";
import { createDeepPart } from "./network.ts";
import { createRowEncoder } from "./encoded_row.ts";
import type { ServableModel } from "./predictor.ts";
import { tableName } from "../encode/column_names.ts";
import type { Encoder, TableEncoder } from "../encode/encoder.ts";
import { axesOf } from "../encode/table_lookup.ts";
import { fieldsOf, unusedFieldsOf } from "./signature.ts";

/** The parts of a row's log-odds. */
export interface Explanation {
  /**
   * intercept + the contributions of the features in their order + network: bit for bit the log-odds of the predictor. With an
   * isotonic map + calibration: the predictor's to rounding.
   */
  readonly logit: number;
  /** The log-odds without the isotonic map: what the parts but `calibration` sum to. */
  readonly uncalibrated: number;
  readonly intercept: number;
  /** Log-odds in the order of `contributorsOf`. What an age or a rate is counted from has none. */
  readonly contributions: Float64Array;
  /**
   * The deep part's log-odds in a model with hidden layers, where the fields act together. The contributions are then
   * those of the wide part alone.
   */
  readonly network: number | undefined;
  /** What the isotonic map adds to the log-odds of this row, which depends on their sum and not on single fields; undefined without one. */
  readonly calibration: number | undefined;
}

/** Explains a row that the model's predictor has answered. */
export type Explainer = (row: Readonly<Record<string, unknown>>) => Explanation;

/** Returns the names of a model's fields, of the features that are served as fixed values, and of pairs of fields with a table. */
export function contributorsOf(encoder: Pick<Encoder, "features" | "rates" | "tables">): string[] {
  const pairs = (encoder.tables ?? []).filter(({ of }) => of.length > 1).map(tableName);
  return [...fieldsOf(encoder).map(({ name }) => name), ...unusedFieldsOf(encoder), ...pairs];
}

/** Returns the name of what a table contributes to. */
export function contributorOf(table: TableEncoder, { features }: Pick<Encoder, "features">): string {
  const axis = axesOf({ features }).find(({ name }) => name === table.of[0]);
  return table.of.length > 1 || !axis ? tableName(table) : features[axis.feature].name;
}

export function createExplainer(model: ServableModel): Explainer {
  const { encoder, coefficients, intercept, network } = model;
  const calibrated = servedCalibration(model.calibration);
  const encode = createRowEncoder(encoder);
  const deep = network && createDeepPart(network);
  const { features } = encoder;
  const names = contributorsOf(encoder);
  const { tables = [] } = encoder;
  const indexOf = [
    ...features.map(({ name }) => names.indexOf(name)),
    ...tables.map((table) => names.lastIndexOf(contributorOf(table, encoder))),
  ];
  return (row) => {
    const parts = new Float64Array(features.length + tables.length);
    deep?.begin();
    encode(row, (feature, column, value) => {
      parts[feature] += value * coefficients[column];
      deep?.add(column, value);
    });
    const wide = parts.reduce((sum, part) => sum + part, intercept);
    const contributions = new Float64Array(names.length);
    parts.forEach((part, i) => contributions[indexOf[i]] += part);
    const hidden = deep?.logit();
    const uncalibrated = hidden === undefined ? wide : wide + hidden;
    const logit = calibrated === undefined ? uncalibrated : calibrated(uncalibrated);
    const calibration = calibrated === undefined ? undefined : logit - uncalibrated;
    return { logit, uncalibrated, intercept, contributions, network: hidden, calibration };
  };
}
