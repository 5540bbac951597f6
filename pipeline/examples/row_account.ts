/** What became of the rows of a view: those that were read are examples, or were left out for one of the reasons. */
export interface RowAccount extends LeftOutRows {
  /** Rows that SQLite gave for the view; with `after`, only those with a greater id. */
  readonly read: number;
  /** With `after`: the other rows, which were not read; undefined if that is not known without a join. */
  readonly known?: number;
  /** Rows of the view's own table that are not in the view; undefined if that is not known. */
  readonly orphans?: OrphanRows;
}

/** Rows that are in the view and not among the examples. */
export interface LeftOutRows {
  /** Their label is NULL: they are there to be predicted. */
  readonly noLabel: number;
  /** Their weight is 0. */
  readonly zeroWeight: number;
}

/** Rows of a table that refer to rows of another one that are not there. */
export interface OrphanRows {
  readonly rows: number;
  readonly table: string;
  /** Tables that it refers to. */
  readonly parents: readonly string[];
}

/**
 * Checks that all rows are accounted for. A difference is a bug.
 *
 * @param used Rows that are examples: in all parts of the split.
 */
export function requireAccounted({ read, noLabel, zeroWeight }: RowAccount, used: number): void {
  if (read === used + noLabel + zeroWeight) return;
  throw new Error(
    `${read} rows were read, but ${used} are examples, ${noLabel} have no label and ${zeroWeight} have weight 0`,
  );
}
