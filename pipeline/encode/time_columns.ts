import { ageOf, type CyclicPart, partCounts, positionOfPart } from "../examples/time_parts.ts";
import { encodeNumeric, type TimeEncoder } from "./encoder.ts";

/** A part of a time whose values have a column each, then one for a missing time. */
export interface CyclicColumns {
  readonly part: CyclicPart;
  /** Column of the first value. */
  readonly column: number;
  /** Returns the position among the columns. @param micros NaN is missing. */
  readonly positionOf: (micros: number) => number;
}

/** Returns the parts of a time that have a column for each value, in the order of their columns. */
export function cyclicColumnsOf({ column, parts }: TimeEncoder): CyclicColumns[] {
  let next = column;
  return parts.map((part) => {
    const first = next;
    next += partCounts[part] + 1;
    return { part, column: first, positionOf: positionOfPart(part) };
  });
}

/**
 * Calls `take` for each nonzero column of a time.
 *
 * @param micros NaN is missing.
 * @param since What the age is counted from; NaN is missing.
 */
export type EncodeTime = (
  micros: number,
  since: number,
  take: (column: number, value: number) => void,
) => void;

export function createTimeEncoding(feature: TimeEncoder): EncodeTime {
  const parts = cyclicColumnsOf(feature);
  const { age } = feature;
  return (micros, since, take) => {
    for (const { column, positionOf } of parts) take(column + positionOf(micros), 1);
    if (!age) return;
    const days = ageOf(micros, since);
    take(age.column, encodeNumeric(age, days));
    if (days !== days) take(age.column + 1, 1);
  };
}
