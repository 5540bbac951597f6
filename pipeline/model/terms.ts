import {
  binOf,
  columnsAt,
  encodeNumeric,
  type FeatureEncoder,
  levelCountOf,
  type LeveledEncoder,
  type NumericEncoder,
  positionCountOf,
  type TimeEncoder,
  transformed,
  type WordsEncoder,
} from "../encode/encoder.ts";
import { createCategoryReader } from "../encode/category_positions.ts";
import { type Crossing, rowTimeOf } from "../encode/cross_lookup.ts";
import { createTimeEncoding } from "../encode/time_columns.ts";
import { createWordReader } from "../encode/words.ts";
import { isTime, isTimeFeature, misreadTime, readTime } from "../encode/time_feature.ts";
import {
  categoricalProblem,
  clearFindings,
  createFindings,
  type Findings,
  numericProblem,
  pointerTo,
  timeProblem,
} from "./findings.ts";
import type { DeepPart } from "./network.ts";

/**
 * Returns one feature's part of the logit, and adds the feature to the deep part; NaN if the value is invalid.
 *
 * @param value Value of the feature's own field.
 * @param members Values of all fields.
 */
export type Term = (value: unknown, findings: Findings, members: readonly unknown[]) => number;

export interface TermOptions {
  readonly coefficients: ArrayLike<number>;
  readonly deep: DeepPart | undefined;
  /** Undefined if the feature is in no cross and no rate. */
  readonly crossing: Crossing | undefined;
  /** Names of all fields. */
  readonly names: readonly string[];
  /** Name of the field that has the row's time, if rates decay. */
  readonly rateTime: string | undefined;
}

export function createTerm(feature: FeatureEncoder, options: TermOptions): Term {
  const term = sentTerm(feature, options);
  const { servedAs } = feature;
  if (servedAs === undefined) return term;
  const findings = createFindings();
  return (_, { errors }, members) => {
    clearFindings(findings);
    const part = term(servedAs, findings, members);
    errors.push(...findings.errors);
    return part;
  };
}

/** Returns the term of a feature that is scored as it is sent. */
function sentTerm(
  feature: FeatureEncoder,
  options: TermOptions,
): Term {
  const { coefficients, deep, names } = options;
  const cross = crossedPart(options);
  switch (feature.type) {
    case "numeric":
      return numericTerm(feature, coefficients, deep, cross);
    case "time":
      return timeTerm(feature, coefficients, deep, names);
    case "words":
      return wordsTerm(feature, coefficients, deep);
    default:
      return levelTerm(feature, coefficients, deep, cross);
  }
}

/** Adds the log-odds of the crosses and rates that a field completes to the field's part. */
type AddCrosses = (part: number, position: number, members: readonly unknown[]) => number;

function crossedPart(
  { crossing, coefficients, deep, names, rateTime }: TermOptions,
): AddCrosses | undefined {
  if (!crossing) return undefined;
  const timeAt = rateTime === undefined ? -1 : names.indexOf(rateTime);
  let sum = 0;
  const take = (column: number, value: number) => {
    deep?.add(column, value);
    sum += value * coefficients[column];
  };
  return (part, position, members) => {
    sum = part;
    crossing(position, take, timeAt < 0 ? NaN : rowTimeOf(members[timeAt]));
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
  const binned = (
    part: number,
    edges: readonly number[],
    value: number,
    members: readonly unknown[],
  ) => {
    const bin = binOf(edges, transformed(transform, value));
    deep?.add(firstBin + bin, 1);
    const sum = part + coefficients[firstBin + bin];
    return cross ? cross(sum, bin, members) : sum;
  };
  const coefficient = coefficients[column];
  const encodedMissing = encodeNumeric(feature, NaN);
  const ofMissing = encodedMissing * coefficient +
    (feature.missingIndicator ? coefficients[column + 1] : 0);
  const isTime = isTimeFeature(feature);
  return (sent, { errors, missing }, members) => {
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
        return edges ? binned(part, edges, value, members) : part;
      }
    }
    if (value === null && feature.nullable) {
      missing.push(feature.name);
      deep?.add(column, encodedMissing);
      if (feature.missingIndicator) deep?.add(column + 1, 1);
      return cross ? cross(ofMissing, positionCountOf(feature) - 1, members) : ofMissing;
    }
    errors.push({ pointer: pointerTo(feature.name), detail: numericProblem(value, feature.nullable) });
    return NaN;
  };
}

function levelTerm(
  feature: LeveledEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
  cross: AddCrosses | undefined,
): Term {
  const { name, nullable } = feature;
  const levelCount = levelCountOf(feature);
  const read = createCategoryReader(feature);
  const at = (position: number, members: readonly unknown[]) => {
    if (deep) { for (const column of columnsAt(feature, position)) deep.add(column, 1); }
    const part = partAt(feature, position, coefficients);
    return cross ? cross(part, position, members) : part;
  };
  return (value, { errors, unseen, missing }, members) => {
    const position = read(value);
    if (position < 0 || (position === levelCount && !nullable)) {
      errors.push({ pointer: pointerTo(name), detail: categoricalProblem(value, position, nullable) });
      return NaN;
    }
    if (position === levelCount) missing.push(name);
    else if (position > levelCount) unseen.push(name);
    return at(position, members);
  };
}

/** Returns the log-odds of a position of a field with levels. */
export function partAt(feature: LeveledEncoder, position: number, coefficients: ArrayLike<number>): number {
  if (feature.type === "categorical") return coefficients[feature.column + position];
  return columnsAt(feature, position).reduce((sum, column) => sum + coefficients[column], 0);
}

function wordsTerm(
  feature: WordsEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
): Term {
  const { name, column, nullable, words } = feature;
  const read = createWordReader(feature);
  return (value, { errors, unseen, missing }) => {
    const positions = read(value);
    const isMissing = typeof positions !== "number" && positions[0] === words.length;
    if (typeof positions === "number" || (isMissing && !nullable)) {
      const position = typeof positions === "number" ? positions : words.length;
      errors.push({ pointer: pointerTo(name), detail: categoricalProblem(value, position, nullable) });
      return NaN;
    }
    if (isMissing) missing.push(name);
    else if (positions.length === 0) unseen.push(name);
    let sum = 0;
    for (const position of positions) {
      deep?.add(column + position, 1);
      sum += coefficients[column + position];
    }
    return sum;
  };
}

/** Checks the time of a row that no feature reads, as of which rates are. */
export function createTimeCheck(name: string): (value: unknown, findings: Findings) => boolean {
  return (value, { errors, missing }) => {
    if (value === null) {
      missing.push(name);
      return true;
    }
    const time = isTime(value) ? readTime(value) : timeProblem(value, true);
    if (typeof time === "number") return true;
    errors.push({ pointer: pointerTo(name), detail: time });
    return false;
  };
}

function timeTerm(
  feature: TimeEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
  names: readonly string[],
): Term {
  const { name, nullable, since = 0 } = feature;
  const encode = createTimeEncoding(feature);
  const sinceAt = typeof since === "string" ? names.indexOf(since) : -1;
  const read = (name: string, value: unknown, { errors, missing }: Findings) => {
    if (value === null && nullable) {
      missing.push(name);
      return NaN;
    }
    const time = isTime(value) ? readTime(value) : timeProblem(value, nullable);
    if (typeof time === "number") return time;
    errors.push({ pointer: pointerTo(name), detail: time });
    return undefined;
  };
  let sum = 0;
  const take = (column: number, value: number) => {
    deep?.add(column, value);
    sum += value * coefficients[column];
  };
  return (value, findings, members) => {
    const micros = read(name, value, findings);
    const origin = typeof since === "number" ? since : read(since, members[sinceAt], findings);
    if (micros === undefined || origin === undefined) return NaN;
    sum = 0;
    encode(micros, origin, take);
    return sum;
  };
}
