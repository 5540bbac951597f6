/** Kinds of leaks, of rows that make a model look better than it is, and of a model that is none. */
export type LeakKind =
  | "label-copy"
  | "missing-by-label"
  | "value-by-label"
  | "later-than-example"
  | "label-aggregate"
  | "own-row"
  | "comparison"
  | "form-by-label"
  | "running-number"
  | "level-per-row"
  | "group-feature"
  | "multiplied-rows"
  | "duplicate-rows"
  | "too-good"
  | "no-gain";

/** Kinds that do not tell the outcome: such a column says nothing about rows to come, rows occur more than once, or no column tells it. */
const otherKinds: readonly string[] = [
  "running-number",
  "level-per-row",
  "group-feature",
  "multiplied-rows",
  "duplicate-rows",
  "no-gain",
];

/** Whether a warning is of columns that give the outcome away. */
export function tellsOutcome({ kind }: { readonly kind: string }): boolean {
  return !otherKinds.includes(kind);
}

/** A warning of a leak, or of what else a model should not be relied on for. */
export interface LeakWarning {
  readonly kind: LeakKind;
  /** Columns that show it; none if it is the rows that do. */
  readonly columns: readonly string[];
  /** What was seen, and what to do. */
  readonly text: string;
  /** Set if an honest column may look like this, too: it is no reason to leave the column out unasked. */
  readonly isWeak?: boolean;
}
