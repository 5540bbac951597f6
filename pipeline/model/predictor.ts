import { sigmoid } from "./activations.ts";
import {
  binOf,
  type CategoricalEncoder,
  encodeNumeric,
  type Encoder,
  levelCountOf,
  type NumericEncoder,
  positionCountOf,
  transformed,
} from "../encode/encoder.ts";
import { createCategoryReader, levelPositions } from "../encode/category_positions.ts";
import { createCrossings, type Crossing } from "../encode/cross_lookup.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { memberOf } from "../exact_json.ts";
import type { ValueType } from "../examples/level.ts";
import { createDeepPart, type DeepPart, type Network } from "./network.ts";
import {
  categoricalProblem,
  type Findings,
  keyProblem,
  numericProblem,
  pointerTo,
  unknownField,
} from "./findings.ts";

/** The part of a model that predicting from raw fields needs. */
export interface ServableModel {
  readonly encoder: Encoder;
  /** Log-odds per column of the encoder, shape (columns). */
  readonly coefficients: ArrayLike<number>;
  readonly intercept: number;
  /** The deep part of a wide-and-deep model, whose wide part is the coefficients. */
  readonly network?: Network | undefined;
  /** Names of store keys that a row may have in addition to its fields; their values do not affect the prediction. */
  readonly keys?: readonly string[] | undefined;
}

/** A raw field of the model's signature. */
export interface Field {
  readonly name: string;
  readonly type: "numeric" | "categorical";
  readonly nullable: boolean;
  /** Levels of a categorical field that have a coefficient. */
  readonly levels?: readonly string[];
  /** Type of a categorical field's values in training, if the model keeps it. */
  readonly values?: ValueType;
}

export interface Predictor {
  readonly fields: readonly Field[];
  /**
   * Returns the probability of a click, in [0, 1], for one row of raw fields.
   *
   * @returns NaN if a field is invalid; `findings.errors` then has the fields and the reasons.
   */
  predict(row: Readonly<Record<string, unknown>>, findings: Findings): number;
  /** Like `predict`, in log-odds. */
  logit(row: Readonly<Record<string, unknown>>, findings: Findings): number;
}

/** Returns one field's part of the logit, and adds the field to the deep part; NaN if the value is invalid. */
type Term = (value: unknown, findings: Findings) => number;

/** Prepares a model for rows of raw fields. Each row is checked, encoded and summed in one pass. */
export function createPredictor(model: ServableModel): Predictor {
  const { encoder, coefficients, intercept, network, keys = [] } = model;
  const deep = network && createDeepPart(network);
  const names = encoder.features.map(({ name }) => name);
  const crossings = createCrossings(encoder);
  const terms = encoder.features.map((feature, i) => {
    const cross = crossings[i] && crossedPart(crossings[i], coefficients, deep);
    return feature.type === "numeric"
      ? numericTerm(feature, coefficients, deep, cross)
      : categoricalTerm(feature, coefficients, deep, cross);
  });
  const known = new Set([...names, ...keys]);
  /** Keys that are not fields too, as a group may be. */
  const ownKeys = [...new Set(keys)].filter((name) => !names.includes(name));
  const readFields = compileFieldReader(names);
  const members: unknown[] = names.map(() => undefined);
  const values = encoder.features.map((feature, i) =>
    deep === undefined && crossings[i] === undefined ? valuesOf(feature, coefficients) : undefined
  );

  const logit: Predictor["logit"] = (row, findings) => {
    let sum = intercept;
    let present = 0;
    deep?.begin();
    readFields(row, members);
    for (let i = 0; i < members.length; i++) {
      const value = members[i];
      if (value !== undefined) present++;
      const known = values[i];
      const part = known === undefined ? NaN : partOf(value, known);
      sum += part === part ? part : terms[i](value, findings);
    }
    let memberCount = 0;
    for (const _ in row) memberCount++;
    if (memberCount !== present && !allowOthers(row, findings)) return NaN;
    return deep === undefined ? sum : sum + deep.logit();
  };
  /** @returns Whether all members that are not fields are keys with valid values. */
  function allowOthers(row: Readonly<Record<string, unknown>>, findings: Findings): boolean {
    const { errors } = findings;
    findings.hasOthers = true;
    const unknown = Object.keys(row).filter((name) => row[name] !== undefined && !known.has(name));
    for (const name of unknown.slice(0, unknownReportedMax)) errors.push(unknownField(name, names));
    const wrong = ownKeys.filter((name) => keyProblem(memberOf(row, name)) !== undefined);
    for (const name of wrong) errors.push({ pointer: pointerTo(name), detail: keyProblem(row[name]) ?? "" });
    return unknown.length === 0 && wrong.length === 0;
  }
  return {
    fields: encoder.features.map(fieldOf),
    logit,
    predict: (row, findings) => probabilityOf(logit(row, findings)),
  };
}

/**
 * Reads the fields of a row into an array.
 *
 * @param values Shape (fields), overwritten; undefined for a field that the row lacks.
 */
type ReadFields = (row: Readonly<Record<string, unknown>>, values: unknown[]) => void;

/**
 * Compiles a function that reads the named fields. Rows from one source have one hidden class, by which the engine finds
 * a property named in the code immediately; a computed property is looked up, which costs as much as the rest of a prediction.
 *
 * Only the names become code, as string literals, so a name cannot inject code.
 */
function compileFieldReader(names: readonly string[]): ReadFields {
  const statements = names.map((name, i) => {
    const text = JSON.stringify(name);
    return name in {}
      ? `values[${i}] = Object.hasOwn(row, ${text}) ? row[${text}] : undefined;`
      : `values[${i}] = row[${text}];`;
  });
  return new Function("row", "values", statements.join("\n")) as ReadFields;
}

/** How a field's ordinary values are looked up or computed. */
interface FieldValues {
  /** Set for a numeric field. */
  readonly numeric: NumericEncoder | undefined;
  readonly coefficient: number;
  /** Log-odds of a categorical field, by JSON value. */
  readonly parts: ReadonlyMap<unknown, number>;
}

/** @returns undefined for a field whose values take more than one step: with bins, times, or hashed. */
function valuesOf(
  feature: Encoder["features"][number],
  coefficients: ArrayLike<number>,
): FieldValues | undefined {
  if (feature.type === "numeric") {
    if (feature.edges || isTimeFeature(feature)) return undefined;
    return { numeric: feature, coefficient: coefficients[feature.column], parts: new Map() };
  }
  if (feature.buckets !== undefined) return undefined;
  const parts = [...levelPositions(feature)].map(([value, position]) =>
    [value, coefficients[feature.column + position]] as const
  );
  return { numeric: undefined, coefficient: 0, parts: new Map(parts) };
}

/**
 * Returns the part of an ordinary value. One function serves all fields so that the engine inlines it into the loop: a call
 * per field costs as much as the rest of a row. The result is bit for bit that of the field's term.
 *
 * @returns NaN for any other value, which is then passed to the field's term.
 */
function partOf(value: unknown, { numeric, coefficient, parts }: FieldValues): number {
  if (numeric === undefined) return parts.get(value) ?? NaN;
  if (typeof value !== "number") return NaN;
  const part = encodeNumeric(numeric, value) * coefficient;
  // The part of an infinite value or NaN is not finite.
  return value === value && Number.isFinite(part) ? part : NaN;
}

/** Maximum number of unknown fields reported per row: searching for a similar name takes time for each. */
const unknownReportedMax = 20;

/** Returns the probability of log-odds. */
export const probabilityOf = sigmoid;

function fieldOf(feature: Encoder["features"][number]): Field {
  const { name, type, nullable } = feature;
  if (feature.type === "numeric") return { name, type, nullable };
  const { levels, values } = feature;
  return { name, type, nullable, levels, ...(values === undefined ? {} : { values }) };
}

/** Adds the log-odds of the crosses that a field completes to the field's part. */
type AddCrosses = (part: number, position: number) => number;

function crossedPart(
  crossing: Crossing,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
): AddCrosses {
  let sum = 0;
  const take = (column: number) => {
    deep?.add(column, 1);
    sum += coefficients[column];
  };
  return (part, position) => {
    sum = part;
    crossing(position, take);
    return sum;
  };
}

function numericTerm(
  feature: NumericEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
  cross: AddCrosses | undefined,
): Term {
  const { column, edges, transform } = feature;
  const firstBin = column + (feature.missingIndicator ? 2 : 1);
  const binned = (part: number, edges: readonly number[], value: number) => {
    const bin = binOf(edges, transformed(transform, value));
    deep?.add(firstBin + bin, 1);
    const sum = part + coefficients[firstBin + bin];
    return cross ? cross(sum, bin) : sum;
  };
  const coefficient = coefficients[column];
  const encodedMissing = encodeNumeric(feature, NaN);
  const ofMissing = encodedMissing * coefficient +
    (feature.missingIndicator ? coefficients[column + 1] : 0);
  const isTime = isTimeFeature(feature);
  return (sent, { errors, missing }) => {
    // Rounded to a double, as in training.
    const value = typeof sent === "bigint" ? Number(sent) : sent;
    const misread = isTime && typeof value === "number" ? misreadTime(value) : undefined;
    if (misread !== undefined) {
      errors.push({ pointer: pointerTo(feature.name), detail: misread });
      return NaN;
    }
    if (typeof value === "number" && Number.isFinite(value)) {
      const encoded = encodeNumeric(feature, value);
      const part = encoded * coefficient;
      // A large number divided by a scale far below 1 can become infinite.
      if (Number.isFinite(part)) {
        deep?.add(column, encoded);
        return edges ? binned(part, edges, value) : part;
      }
    }
    if (value === null && feature.nullable) {
      missing.push(feature.name);
      deep?.add(column, encodedMissing);
      if (feature.missingIndicator) deep?.add(column + 1, 1);
      return cross ? cross(ofMissing, positionCountOf(feature) - 1) : ofMissing;
    }
    errors.push({ pointer: pointerTo(feature.name), detail: numericProblem(value, feature.nullable) });
    return NaN;
  };
}

function categoricalTerm(
  feature: CategoricalEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
  cross: AddCrosses | undefined,
): Term {
  const { name, column, nullable } = feature;
  const levelCount = levelCountOf(feature);
  const read = createCategoryReader(feature);
  const at = (position: number) => {
    deep?.add(column + position, 1);
    const part = coefficients[column + position];
    return cross ? cross(part, position) : part;
  };
  return (value, { errors, unseen, missing }) => {
    const position = read(value);
    if (position < 0 || (position === levelCount && !nullable)) {
      errors.push({ pointer: pointerTo(name), detail: categoricalProblem(value, position, nullable) });
      return NaN;
    }
    if (position === levelCount) missing.push(name);
    else if (position > levelCount) unseen.push(name);
    return at(position);
  };
}
