import {
  columnsAt,
  encodeNumeric,
  type FeatureEncoder,
  type LeveledEncoder,
  type NumericEncoder,
  type TimeEncoder,
  transformed,
  type WordsEncoder,
} from "../encode/encoder.ts";
import { divisionsOf, positionIn } from "../encode/divisions.ts";
import { type Crossing, rowTimeOf } from "../encode/cross_lookup.ts";
import { createTimeEncoding } from "../encode/time_columns.ts";
import { createWordReader } from "../encode/words.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import {
  categoricalProblem,
  clearFindings,
  createFindings,
  type Findings,
  numericProblem,
  pointerTo,
} from "./findings.ts";
import { createLevelField } from "./level_field.ts";
import type { DeepPart } from "./network.ts";
import { type AxisPlaces, createTableTerm } from "./table_terms.ts";
import type { Term } from "./term.ts";
import { readTimeField } from "./time_field.ts";

export interface TermOptions {
  readonly coefficients: ArrayLike<number>;
  readonly deep?: DeepPart | undefined;
  /** Absent if the feature is in no cross and no rate. */
  readonly crossing?: Crossing | undefined;
  /** Names of all fields. */
  readonly names: readonly string[];
  /** Name of the field that has the row's time, if rates decay. */
  readonly rateTime?: string | undefined;
  /** Where a field of tables puts its positions; by default nowhere, which only checks the value. */
  readonly places?: AxisPlaces | undefined;
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
    case "binned":
    case "levels":
    case "clock":
      return createTableTerm(feature, options.places ?? noPlaces, names);
    default:
      return levelTerm(feature, coefficients, deep, cross);
  }
}

/** Writes beyond the end of an array have no effect. */
const noPlaces: AxisPlaces = { positions: new Int32Array(0), first: 0 };

/** Adds the log-odds of the crosses and rates that a field completes to the field's part. */
interface AddCrosses {
  /** The field's positions, to be set before. */
  readonly positions: Int32Array;
  add(part: number, members: readonly unknown[]): number;
}

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
  return {
    positions: crossing.positions,
    add(part, members) {
      sum = part;
      crossing.complete(take, timeAt < 0 ? NaN : rowTimeOf(members[timeAt]));
      return sum;
    },
  };
}

function numericTerm(
  feature: NumericEncoder,
  coefficients: ArrayLike<number>,
  deep: DeepPart | undefined,
  cross: AddCrosses | undefined,
): Term {
  const { column, transform } = feature;
  const divisions = divisionsOf(feature);
  const divided = (part: number, value: number, members: readonly unknown[]) => {
    const shown = transformed(transform, value);
    let sum = part;
    for (let i = 0; i < divisions.length; i++) {
      const division = divisions[i];
      const position = positionIn(division, value, shown);
      if (cross) cross.positions[i] = position;
      if (position === division.count) continue;
      deep?.add(division.column + position, 1);
      sum += coefficients[division.column + position];
    }
    return cross ? cross.add(sum, members) : sum;
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
        return divisions.length > 0 ? divided(part, value, members) : part;
      }
    }
    if (value === null && feature.nullable) {
      missing.push(feature.name);
      deep?.add(column, encodedMissing);
      if (feature.missingIndicator) deep?.add(column + 1, 1);
      if (!cross) return ofMissing;
      divisions.forEach(({ positionCount }, i) => cross.positions[i] = positionCount - 1);
      return cross.add(ofMissing, members);
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
  const read = createLevelField(feature);
  const at = (position: number, members: readonly unknown[]) => {
    if (deep) { for (const column of columnsAt(feature, position)) deep.add(column, 1); }
    const part = partAt(feature, position, coefficients);
    if (!cross) return part;
    cross.positions[0] = position;
    return cross.add(part, members);
  };
  return (value, findings, members) => {
    const position = read(value, findings);
    return position < 0 ? NaN : at(position, members);
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
  return (value, findings) => readTimeField(name, value, true, findings) !== undefined;
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
  let sum = 0;
  const take = (column: number, value: number) => {
    deep?.add(column, value);
    sum += value * coefficients[column];
  };
  return (value, findings, members) => {
    const micros = readTimeField(name, value, nullable, findings);
    const origin = typeof since === "number"
      ? since
      : readTimeField(since, members[sinceAt], nullable, findings);
    if (micros === undefined || origin === undefined) return NaN;
    sum = 0;
    encode(micros, origin, take);
    return sum;
  };
}
