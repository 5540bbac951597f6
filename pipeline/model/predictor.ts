import { exp } from "../math/elementary.ts";
import { binOf } from "../encode/bins.ts";
import { createCategoryReader, inexactNumber, levelPositions } from "../encode/category_positions.ts";
import { createCrossings, type Crossing } from "../encode/cross_lookup.ts";
import {
  type CategoricalEncoder,
  encodeNumeric,
  type Encoder,
  levelCountOf,
  type NumericEncoder,
  positionCountOf,
  transformed,
} from "../encode/encoder.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import type { ValueType } from "../examples/level.ts";
import type { FieldError } from "../failure.ts";
import { createDeepPart, type DeepPart, type Network } from "./network.ts";
import { nearestName } from "../did_you_mean.ts";
import { compileMemberReader } from "./field_reader.ts";

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

/** Collects what a row's check found. The caller keeps one and empties it. */
export interface Findings {
  readonly errors: FieldError[];
  /** Fields whose category the training rows did not have. */
  readonly unseen: string[];
  /** Fields that were null. */
  readonly missing: string[];
  /** Whether the row has members beside its fields. */
  hasOthers: boolean;
}

export function createFindings(): Findings {
  return { errors: [], unseen: [], missing: [], hasOthers: false };
}

/** Empties them for the next row. */
export function clearFindings(findings: Findings): void {
  const { errors, unseen, missing } = findings;
  // Setting the length of an array costs more than to look at it, and there is something in one of many rows.
  if (errors.length > 0) errors.length = 0;
  if (unseen.length > 0) unseen.length = 0;
  if (missing.length > 0) missing.length = 0;
  findings.hasOthers = false;
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
/** What is wrong with a key of the store as a row has it; undefined for a text, a number, and null or nothing. */
export function keyProblem(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === "string" || typeof value === "bigint") {
    return undefined;
  }
  if (typeof value === "number" && Number.isFinite(value)) return undefined;
  return `must be a text or a number, not ${nameOf(value)}`;
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

/** A field as JSON pointer in a fragment (RFC 6901, section 6). */
export function pointerTo(name: string): string {
  return `#/${encodeURIComponent(name.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

function numericProblem(value: unknown, nullable: boolean): string {
  const expected = nullable ? "a number, or null where it is not known" : "a number";
  if (value === undefined) return `is missing: send ${expected}`;
  if (value === null) return `must be ${expected}, not null`;
  if (typeof value === "number") return `must be ${expected}; what was sent is too large`;
  return `must be ${expected}, not ${nameOf(value)}`;
}

/** @param position What the category reader gave. */
function categoricalProblem(value: unknown, position: number, nullable: boolean): string {
  const expected = nullable
    ? "a category (string, number or boolean), or null where it is not known"
    : "a category (string, number or boolean)";
  if (value === undefined) return `is missing: send ${expected}`;
  if (position === inexactNumber) {
    return `is ${value}, a number beyond 2^53: as a double it stands for several integers. Send the category as a string`;
  }
  // A text that stands for no value.
  if (position >= 0 && value !== null) return `must be ${expected}, not ${JSON.stringify(value)}`;
  return `must be ${expected}, not ${nameOf(value)}`;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return "a number that is not finite";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function unknownField(name: string, names: readonly string[]): FieldError {
  const near = nearestName(name, names);
  return {
    pointer: pointerTo(name),
    detail: `is not a field of this model${
      near ? `; did you mean ${near}?` : `; its fields are ${names.join(", ")}`
    }`,
  };
}
