import { bucketsOf, levelPositions } from "../encode/category_positions.ts";
import { divisionsOf } from "../encode/divisions.ts";
import { encodeNumeric, type Encoder, levelCountOf, type NumericEncoder } from "../encode/encoder.ts";
import { isTableField } from "../encode/table_lookup.ts";
import { isTimeFeature } from "../encode/time_feature.ts";
import { createFindings, type Findings } from "./findings.ts";
import type { Term } from "./term.ts";
import { partAt } from "./terms.ts";

/** How a field's ordinary values are looked up or computed. */
export interface OrdinaryValues {
  readonly name: string;
  /** Log-odds of null, and of a text that is none of the levels; NaN if it is an error, or takes more than one step. */
  readonly ofMissing: number;
  readonly ofUnseen: number;
  /** Set for a numeric field. */
  readonly numeric: NumericEncoder | undefined;
  readonly coefficient: number;
  /** Log-odds of a categorical field, by JSON value. */
  readonly parts: ReadonlyMap<unknown, number>;
}

/**
 * @param term The feature's.
 * @returns undefined for a field whose values take more than one step, with bins, times, hashed, texts, or rates; or are not read.
 */
export function ordinaryValues(
  feature: Encoder["features"][number],
  coefficients: ArrayLike<number>,
  term: Term,
): OrdinaryValues | undefined {
  const { name } = feature;
  if (feature.servedAs !== undefined) return undefined;
  if (feature.type === "numeric") {
    if (divisionsOf(feature).length > 0 || isTimeFeature(feature)) return undefined;
    const coefficient = coefficients[feature.column];
    const ofMissing = term(null, createFindings(), []);
    return { name, ofMissing, ofUnseen: NaN, numeric: feature, coefficient, parts: new Map() };
  }
  if (feature.type === "time" || feature.type === "words" || feature.type === "rate") return undefined;
  if (isTableField(feature)) return undefined;
  if (bucketsOf(feature) !== undefined) return undefined;
  const parts = [...levelPositions(feature)].map(([value, position]) =>
    [value, partAt(feature, position, coefficients)] as const
  );
  return {
    name,
    ofMissing: term(null, createFindings(), []),
    // In a column of numbers, a text may be another spelling of one of them.
    ofUnseen: feature.values === "text" ? partAt(feature, levelCountOf(feature) + 1, coefficients) : NaN,
    numeric: undefined,
    coefficient: 0,
    parts: new Map(parts),
  };
}

/**
 * Returns the part of an ordinary value. One function serves all fields so that the engine inlines it into the loop: a call
 * per field costs as much as the rest of a row. The result is bit for bit that of the field's term.
 *
 * @returns NaN for any other value, which is then passed to the field's term.
 */
export function ordinaryPart(
  value: unknown,
  { name, numeric, coefficient, parts, ofMissing, ofUnseen }: OrdinaryValues,
  findings: Findings,
): number {
  if (value === null) {
    if (ofMissing === ofMissing) findings.missing.push(name);
    return ofMissing;
  }
  if (numeric === undefined) {
    const part = parts.get(value);
    if (part !== undefined) return part;
    if (typeof value !== "string" || ofUnseen !== ofUnseen) return NaN;
    findings.unseen.push(name);
    return ofUnseen;
  }
  if (typeof value !== "number") return NaN;
  const part = encodeNumeric(numeric, value) * coefficient;
  // The part of an infinite value or NaN is not finite.
  return value === value && Number.isFinite(part) ? part : NaN;
}
