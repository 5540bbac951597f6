import { ordinaryPositions } from "../encode/category_positions.ts";
import { binOf } from "../encode/divisions.ts";
import {
  type BinnedEncoder,
  type ClockEncoder,
  type FeatureEncoder,
  type LevelsEncoder,
  type TableFieldEncoder,
} from "../encode/encoder.ts";
import { createClockReader, isTableField, type TableLookup } from "../encode/table_lookup.ts";
import { isTimeFeature, misreadTime } from "../encode/time_feature.ts";
import { numericProblem, pointerTo } from "./findings.ts";
import { createLevelField } from "./level_field.ts";
import { readTimeField } from "./time_field.ts";
import type { Term } from "./term.ts";

/** Where a field of tables puts its positions. */
export interface AxisPlaces {
  readonly positions: Int32Array;
  /** Index of the field's first axis. */
  readonly first: number;
}

/** Returns the places of the axes of a feature. */
export function placesOf({ positions, firstAxes }: TableLookup, feature: number): AxisPlaces {
  return { positions, first: firstAxes[feature] };
}

/** Returns whether a field of numbers is named like a time column and had times in training, judging by its bins. */
export function hasTimes({ name, edges }: BinnedEncoder): boolean {
  return edges.length > 0 && isTimeFeature({ name, impute: edges[edges.length >>> 1] });
}

/** Returns the term of a field of tables, which puts the row's positions in their places. Its part is 0: the tables add theirs. */
export function createTableTerm(
  feature: TableFieldEncoder,
  places: AxisPlaces,
  names: readonly string[],
): Term {
  switch (feature.type) {
    case "binned":
      return binnedTerm(feature, places);
    case "levels":
      return levelsTerm(feature, places);
    case "clock":
      return clockTerm(feature, places, names);
  }
}

function binnedTerm(feature: BinnedEncoder, { positions, first }: AxisPlaces): Term {
  const { name, nullable, edges } = feature;
  const isTime = hasTimes(feature);
  return (sent, { errors, missing }) => {
    // Rounded to a double, as in training.
    const value = typeof sent === "bigint" ? Number(sent) : sent;
    const misread = isTime && typeof value === "number" ? misreadTime(value) : undefined;
    if (misread !== undefined) {
      errors.push({ pointer: pointerTo(name), detail: misread });
      return NaN;
    }
    if (typeof value === "number" && Number.isFinite(value)) {
      positions[first] = binOf(edges, value);
      return 0;
    }
    if (value === null && nullable) {
      missing.push(name);
      positions[first] = edges.length + 1;
      return 0;
    }
    errors.push({ pointer: pointerTo(name), detail: numericProblem(value, nullable) });
    return NaN;
  };
}

function levelsTerm(feature: LevelsEncoder, { positions, first }: AxisPlaces): Term {
  const read = createLevelField(feature);
  return (value, findings) => {
    const position = read(value, findings);
    if (position < 0) return NaN;
    positions[first] = position;
    return 0;
  };
}

function clockTerm(feature: ClockEncoder, places: AxisPlaces, names: readonly string[]): Term {
  const { name, nullable, since = 0 } = feature;
  const set = createClockReader(feature, places.positions, places.first);
  const sinceAt = typeof since === "string" ? names.indexOf(since) : -1;
  return (value, findings, members) => {
    const micros = readTimeField(name, value, nullable, findings);
    const origin = typeof since === "number"
      ? since
      : readTimeField(since, members[sinceAt], nullable, findings);
    if (micros === undefined || origin === undefined) return NaN;
    set(micros, origin);
    return 0;
  };
}

/** How the position of a field's ordinary values is found. */
export interface OrdinaryPositions {
  readonly place: number;
  /** Set for a field of numbers. */
  readonly edges: Float64Array | undefined;
  /** Positions of the values of a field with levels. */
  readonly known: ReadonlyMap<unknown, number>;
}

/** @returns undefined for a field whose values take more than one step: a time, or one that is served as a fixed value. */
export function ordinaryPositionsOf(
  feature: FeatureEncoder,
  { first }: AxisPlaces,
): OrdinaryPositions | undefined {
  if (feature.servedAs !== undefined || !isTableField(feature) || feature.type === "clock") return undefined;
  if (feature.type === "levels") return { place: first, edges: undefined, known: ordinaryPositions(feature) };
  return hasTimes(feature)
    ? undefined
    : { place: first, edges: Float64Array.from(feature.edges), known: new Map() };
}

/** Returns the position of an ordinary value, that of the field's term; -1 for any other. */
export function ordinaryPositionOf(value: unknown, { edges, known }: OrdinaryPositions): number {
  if (edges === undefined) return known.get(value) ?? -1;
  if (typeof value !== "number" || !(value - value === 0)) return -1;
  return binOf(edges, value);
}
