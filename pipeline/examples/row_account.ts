/** Counts of a view's rows: each row read is an example or is left out for one of the reasons. */
export interface RowAccount extends LeftOutRows {
  /** Rows that SQLite returned for the view; with `after`, only those with a greater id. */
  readonly read: number;
  /** With `after`: the other rows, which were not read; undefined if counting them would need a join. */
  readonly known?: number;
  /** Rows of the view's child table that are not in the view; undefined if unknown. */
  readonly orphans?: OrphanRows;
}

/** Rows of the view that are not examples. */
export interface LeftOutRows {
  /** Rows to be predicted: their label is NULL. */
  readonly noLabel: number;
  /** Rows of weight 0. */
  readonly zeroWeight: number;
}

/** Rows of a table that refer to missing rows of another one. */
export interface OrphanRows {
  readonly rows: number;
  readonly table: string;
  /** Tables to which it refers. */
  readonly parents: readonly string[];
}

/**
 * Checks that all rows are accounted for. A difference is a bug.
 *
 * @param used Count of examples, over all parts of the split.
 */
export function requireAccounted({ read, noLabel, zeroWeight }: RowAccount, used: number): void {
  if (read === used + noLabel + zeroWeight) return;
  throw new Error(
    `${read} rows were read, but ${used} are examples, ${noLabel} have no label and ${zeroWeight} have weight 0`,
  );
}
