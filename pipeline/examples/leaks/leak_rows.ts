/** A column in which leaks are looked for. */
export interface LeakColumn {
  readonly name: string;
  /** `time`: microseconds since 1970-01-01T00:00:00Z. `category`: the values are codes, 0 for missing. */
  readonly kind: "number" | "time" | "category";
  /** The levels of a category, by code. */
  readonly levels?: readonly (string | null)[];
}

/** Values of one column: those at `offset`, `offset + stride`, … NaN is a missing number. */
export interface LeakValues {
  readonly values: ArrayLike<number>;
  /** Default: 0. */
  readonly offset?: number;
  /** Default: 1. */
  readonly stride?: number;
}

/** A table in which leaks are looked for. */
export interface LeakTable {
  readonly columns: readonly LeakColumn[];
  /** Rows, at least as many as there are. */
  readonly rowCount: number;
  /** Starts a pass over the rows. Each run is valid until the next one is taken. */
  walk(): Iterable<LeakRows>;
}

/** Consecutive rows of a table. */
export interface LeakRows {
  readonly rowCount: number;
  /** In the order of the table's columns. */
  readonly columns: readonly LeakValues[];
  /** 0 or 1. Rows with any other label are ignored. */
  readonly labels: ArrayLike<number>;
  /** Codes or hashes of the groups. */
  readonly groups?: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
  /** When each row was an example, microseconds since 1970-01-01T00:00:00Z; NaN if unknown. */
  readonly times?: ArrayLike<number>;
  /** Whether a row is held out. */
  readonly isHeldOut?: (row: number) => boolean;
}
