import { exp } from "../math/elementary.ts";
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
import type { ValueType } from "../examples/level.ts";
import { createDeepPart, type DeepPart, type Network } from "./network.ts";
import { compileMemberReader } from "./field_reader.ts";
import {
  categoricalProblem,
  type Findings,
  keyProblem,
  numericProblem,
  pointerTo,
  unknownField,
} from "./findings.ts";

/** What predicting from raw fields needs of a model. */
export interface ServableModel {
  readonly encoder: Encoder;
  /** Log-odds per column of the encoder, shape (columns). */
  readonly coefficients: ArrayLike<number>;
  readonly intercept: number;
  /** Of a wide-and-deep model, beside the coefficients. */
  readonly network?: Network | undefined;
  /** Names of keys that a row may have beside its fields; which key stands there changes nothing. */
  readonly keys?: readonly string[] | undefined;
}

/** A raw field as the model's signature shows it. */
export interface Field {
  readonly name: string;
  readonly type: "numeric" | "categorical";
  readonly nullable: boolean;
  /** Of a categorical field: the levels that have a coefficient. */
  readonly levels?: readonly string[];
  /** Of a categorical field: what its values were in training, if the model keeps it. */
  readonly values?: ValueType;
}

export interface Predictor {
  readonly fields: readonly Field[];
  /**
   * Probability of a click, in [0, 1], for one row of raw fields.
   *
   * @returns NaN where a field is bad: `findings.errors` then says which and why.
   */
  predict(row: Readonly<Record<string, unknown>>, findings: Findings): number;
  /** The same in log-odds. */
  logit(row: Readonly<Record<string, unknown>>, findings: Findings): number;
}

/** One field's part of the logit, and what it gives to the deep part; NaN where the value is bad. */
type Term = (value: unknown, findings: Findings) => number;

/** Prepares a model for rows of raw fields: one pass per row checks, encodes and adds up. */
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
  /** A group may be a field too. */
  const ownKeys = [...new Set(keys)].filter((name) => !names.includes(name));
  const readMembers = compileMemberReader(names);
  const members: unknown[] = names.map(() => undefined);
  const values = encoder.features.map((feature, i) =>
    deep === undefined && crossings[i] === undefined ? valuesOf(feature, coefficients) : undefined
  );

  const logit: Predictor["logit"] = (row, findings) => {
    let sum = intercept;
    let present = 0;
    deep?.begin();
    readMembers(row, members);
    for (let i = 0; i < members.length; i++) {
      const value = members[i];
      if (value !== undefined) present++;
      const known = values[i];
      const part = known === undefined ? NaN : partOf(value, known);
      sum += part === part ? part : terms[i](value, findings);
    }
    let memberCount = 0;
    for (const _ in row) memberCount++;
    if (memberCount !== present && !refuseOthers(row, findings)) return NaN;
    return deep === undefined ? sum : sum + deep.logit();
  };
  /** @returns Whether all members that are no fields are keys, and may be. */
  function refuseOthers(row: Readonly<Record<string, unknown>>, findings: Findings): boolean {
    const { errors } = findings;
    findings.hasOthers = true;
    const unknown = Object.keys(row).filter((name) => row[name] !== undefined && !known.has(name));
    for (const name of unknown.slice(0, unknownToldMax)) errors.push(unknownField(name, names));
    const wrong = ownKeys.filter((name) => keyProblem(row[name]) !== undefined);
    for (const name of wrong) errors.push({ pointer: pointerTo(name), detail: keyProblem(row[name]) ?? "" });
    return unknown.length === 0 && wrong.length === 0;
  }
  return {
    fields: encoder.features.map(fieldOf),
    logit,
    predict: (row, findings) => probabilityOf(logit(row, findings)),
  };
}

/** What a field's ordinary values are looked up in, or computed with. */
interface FieldValues {
  /** Of a numeric field. */
  readonly numeric: NumericEncoder | undefined;
  readonly coefficient: number;
  /** Of a categorical field: log-odds by value, as JSON has it. */
  readonly parts: ReadonlyMap<unknown, number>;
}

/** @returns undefined for a field whose values are not looked up in one step: with bins, a time, or hashed. */
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
 * The part of an ordinary value, in one function for all fields, which the engine puts into the loop: a call per field costs
 * as much as the rest of a row. It is the same to the last bit as that of the field's term.
 *
 * @returns NaN for any other value: the field's term says what it is.
 */
function partOf(value: unknown, { numeric, coefficient, parts }: FieldValues): number {
  if (numeric === undefined) return parts.get(value) ?? NaN;
  if (typeof value !== "number") return NaN;
  const part = encodeNumeric(numeric, value) * coefficient;
  // Neither an infinite value nor NaN has a finite part.
  return value === value && Number.isFinite(part) ? part : NaN;
}
/** Fields that the model does not have, of which a row's findings tell: to look for what was meant takes a while for each. */
const unknownToldMax = 20;

/** 1 / (1 + e^−logit), without overflow at either end. */
export function probabilityOf(logit: number): number {
  if (logit >= 0) return 1 / (1 + exp(-logit));
  const odds = exp(logit);
  return odds / (1 + odds);
}

function fieldOf(feature: Encoder["features"][number]): Field {
  const { name, type, nullable } = feature;
  if (feature.type === "numeric") return { name, type, nullable };
  const { levels, values } = feature;
  return { name, type, nullable, levels, ...(values === undefined ? {} : { values }) };
}

/** Adds to a field's part what the crosses give that it completes. */
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
    // A number takes what it can, as in training.
    const value = typeof sent === "bigint" ? Number(sent) : sent;
    const misread = isTime && typeof value === "number" ? misreadTime(value) : undefined;
    if (misread !== undefined) {
      errors.push({ pointer: pointerTo(feature.name), detail: misread });
      return NaN;
    }
    if (typeof value === "number" && Number.isFinite(value)) {
      const encoded = encodeNumeric(feature, value);
      const part = encoded * coefficient;
      // Divided by a scale far below 1, a large number can become infinite.
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
