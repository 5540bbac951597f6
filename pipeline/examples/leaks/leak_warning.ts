/** Kinds of leaks, and of rows that make a model look better than it is. */
export type LeakKind =
  | "label-copy"
  | "missing-by-label"
  | "value-by-label"
  | "later-than-example"
  | "label-aggregate"
  | "own-row"
  | "comparison"
  | "running-number"
  | "level-per-row"
  | "group-feature"
  | "multiplied-rows"
  | "duplicate-rows"
  | "too-good";

/** A warning of a leak. */
export interface LeakWarning {
  readonly kind: LeakKind;
  /** Columns that show it; none if it is the rows that do. */
  readonly columns: readonly string[];
  /** What was seen, and what to do. */
  readonly text: string;
}
