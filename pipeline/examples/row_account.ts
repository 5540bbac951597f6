/** Counts of a view's rows: each row read is an example or is left out for one of the reasons. */
export interface RowAccount extends LeftOutRows, ExcludedRows {
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

/** Examples that a split by time excludes; a reason that the split does not have is absent. */
export interface ExcludedRows {
  /** Rows before the held-out time, of groups that reach into it. */
  readonly straddling?: number;
  /** Rows whose label may still change, as they are too young. */
  readonly immature?: number;
  /** Rows without a time. */
  readonly noTime?: number;
}

/** Returns the number of rows that a split by time excludes. */
export function excludedRows({ straddling = 0, immature = 0, noTime = 0 }: ExcludedRows): number {
  return straddling + immature + noTime;
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
 * @param used Count of examples, over all parts of the split but the excluded rows.
 */
export function requireAccounted(account: RowAccount, used: number): void {
  const { read, noLabel, zeroWeight } = account;
  const excluded = excludedRows(account);
  if (read === used + noLabel + zeroWeight + excluded) return;
  throw new Error(
    `${read} rows were read, but ${used} are examples, ${noLabel} have no label, ${zeroWeight} have weight 0 and ${excluded} ` +
      "are excluded by the split",
  );
}
