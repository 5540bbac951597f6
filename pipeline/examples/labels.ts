import { tableLevelOf } from "./level.ts";
import { BadExample, type Row } from "./row_values.ts";
import type { FeatureSpec } from "./spec.ts";

/** Reads the labels of rows. */
export interface LabelReader {
  /** Returns a row's label. @throws {BadExample} if it is neither 1 nor 0: a row without a label is not an example. */
  read(row: Row, at: number): number;
  /** The value that counted as 0 so far, if the spec says which counts as 1. */
  negative(): string | undefined;
}

/** @param spec Its `positive` is the value that counts as 1; without it, labels are 0 and 1. */
export function createLabelReader(spec: FeatureSpec): LabelReader {
  const { positive } = spec;
  if (positive === undefined) {
    return { read: (row, at) => plainLabelOf(row, at, spec), negative: () => undefined };
  }
  let negative: string | undefined;
  const read = (row: Row, at: number): number => {
    const value = row[at];
    if (value === positive) return 1;
    if (value === negative && negative !== undefined) return 0;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") {
      throw badLabel(row, at, spec, `expected ${JSON.stringify(positive)} or another text`);
    }
    const label = tableLevelOf(value);
    if (label === positive) return 1;
    negative ??= label;
    if (label !== negative) {
      throw badLabel(row, at, spec, thirdValue(spec, [positive, negative]));
    }
    return 0;
  };
  return { read, negative: () => negative };
}

function plainLabelOf(row: Row, at: number, spec: FeatureSpec): number {
  const label = row[at];
  if (label === 0 || label === 1) return label;
  const hint = typeof label === "string"
    ? ` (if it is the one that counts as 1, write "positive": ${JSON.stringify(label)} in the feature spec)`
    : typeof label === "number" || typeof label === "bigint"
    ? `. clickwell predicts an outcome that happens or not, neither a number nor one of several classes: say in the view what ` +
      `counts as 1, as with ${spec.label} > 1 AS ${spec.label}`
    : "";
  throw badLabel(row, at, spec, `expected 0 or 1, or NULL for a row that is not for training${hint}`);
}

/** @throws {BadExample} if readers saw different values that count as 0. @param negatives Of all readers. */
export function requireOneNegative(spec: FeatureSpec, negatives: readonly (string | undefined)[]): void {
  const [negative, third] = [...new Set(negatives.filter((value) => value !== undefined))].sort();
  if (third === undefined) return;
  const shown = JSON.stringify(third.slice(0, 60));
  throw new BadExample(
    `rows have the ${spec.label} ${shown}, ${thirdValue(spec, [spec.positive ?? "", negative])}`,
  );
}

function thirdValue({ label }: FeatureSpec, others: readonly string[]): string {
  const [positive, negative] = others.map((value) => JSON.stringify(value.slice(0, 60)));
  return `a third value beside ${positive} and ${negative}, expected two: make two of them in the view, ` +
    `as with ${label} IN ('A', 'B') AS ${label}, or NULL for rows that are not for training`;
}

function badLabel(row: Row, at: number, { id, label }: FeatureSpec, detail: string): BadExample {
  const value = row[at] instanceof Uint8Array ? "a blob" : JSON.stringify(String(row[at]).slice(0, 60));
  return new BadExample(`${id} ${String(row[0])} has the ${label} ${value}, ${detail}`);
}
