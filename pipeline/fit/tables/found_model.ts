/** A field whose values are numbered bins. */
export interface BinnedField {
  readonly name: string;
  /** The bins of a numeric field are in the order of its values; those of a categorical one are its levels, in any order. */
  readonly kind: "numeric" | "categorical";
  /** Number of bins. Bin 0 is for a missing value or, of a categorical field, one that is missing or unknown. */
  readonly binCount: number;
  /** Bin of each row, shape (rows). */
  readonly codes: Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;
  /** Whether rows are in bin 0. */
  readonly hasMissing: boolean;
}

/** Training rows as bins, from which tables are found. */
export interface SearchRows {
  readonly fields: readonly BinnedField[];
  /** 1 or 0, shape (rows). */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** A row of weight w counts as w rows; default: 1. Shape (rows). */
  readonly weights?: Float64Array<SharedArrayBuffer>;
  /** Hash of each row's group, shape (rows): rows of a group are never in two folds. */
  readonly groups: Uint32Array<SharedArrayBuffer>;
  /** Times of rows, shape (rows). If given, folds are scored on rows that come after those they are fitted to. */
  readonly times?: Float64Array<SharedArrayBuffer>;
  /** With times: `both` also never scores a group that the fold was fitted to; default: `time`. */
  readonly split?: "time" | "both";
}

/** Positions in `SearchRows.fields`: of a curve, or of a table, ascending. */
export type TableFields = readonly [number] | readonly [number, number];

/** What the bins of one field (a curve) or two fields (a table) add to the logit. */
export interface FoundTable {
  readonly fields: TableFields;
  /** Per field the merged bin of each bin, shape (bins). */
  readonly positions: readonly Int32Array[];
  /** Log-odds by merged bins, row-major: shape (bins) or (bins of the first field, bins of the second). */
  readonly cells: Float64Array;
  /** The factor of the cells in the logit. */
  readonly coefficient: number;
  /** Variance over the training rows of what it adds to the logit. */
  readonly worth: number;
}

/** How trees are grown. */
export interface TreeKind {
  /** `sorted` also splits a categorical field by levels sorted by their rate; `single` only splits off one level. */
  readonly mode: "sorted" | "single";
  /** Leaves of a tree. */
  readonly leaves: number;
  /** How strongly the values of leaves are drawn to 0, as a multiple of `growth.l2`; absent: 1. */
  readonly smoothing?: number | undefined;
  /** Share of the fields, and of the rows, that each tree is grown on; absent: `growth.fieldShare` and `growth.rowShare`. */
  readonly fieldShare?: number | undefined;
  readonly rowShare?: number | undefined;
}

/** Returns what tells a kind of trees from others. */
export function kindOf({ mode, leaves, smoothing, fieldShare, rowShare }: TreeKind): TreeKind {
  return {
    mode,
    leaves,
    ...smoothing === undefined ? {} : { smoothing },
    ...fieldShare === undefined ? {} : { fieldShare },
    ...rowShare === undefined ? {} : { rowShare },
  };
}

/** A kind of tree that was tried, and its loss on rows that its fold was not fitted to. */
export interface Stage extends TreeKind {
  /** `curves`: one field. `pairs`: up to two fields. `pruned`: only some pairs. `coefficients`: a factor per table. */
  readonly name: "curves" | "pairs" | "pruned" | "coefficients";
  /** Number of pairs of fields that trees may combine. */
  readonly pairCount: number;
  readonly logLoss: number;
  readonly ece: number;
  /** Trees, the mean of the folds. */
  readonly trees: number;
  /** Whether its trees are in the tables. */
  readonly chosen: boolean;
}

/** A pair of fields, by position, ascending. */
export type Pair = readonly [number, number];

/** One kind of trees that a search has chosen. */
export interface TreeSteps extends TreeKind {
  /** Pairs that the final trees may combine; empty if there are only curves. */
  readonly pairs: readonly Pair[];
  /** Per fold, the pairs that its trees may combine. */
  readonly foldPairs: readonly (readonly Pair[])[];
  /** Trees per fold. */
  readonly foldTrees: readonly number[];
  /** Trees of each final run. */
  readonly trees: number;
}

/** What a search has chosen: enough to train again without a search. */
export interface Steps {
  readonly seed: number;
  /** The best kind of trees first. The tables are the mean of those of each kind. */
  readonly kinds: readonly TreeSteps[];
}

/** How rows were divided to measure the loss on rows that a model was not fitted to. */
export interface RowFolds {
  /** Block of each row, shape (rows). */
  readonly blocks: Uint8Array<SharedArrayBuffer>;
  /** The blocks that each fold is fitted to, and the one it is scored on. */
  readonly folds: readonly { readonly fittedTo: readonly number[]; readonly scoredOn: number }[];
}

/** Logits by models that were not fitted to the row. */
export interface OutOfFold extends RowFolds {
  /** Shape (rows); NaN for a row that no fold is scored on. */
  readonly logits: Float64Array;
  readonly logLoss: number;
  readonly ece: number;
}

/** Shows that the coefficients are the optimum. */
export interface TablesCertificate {
  /** Largest absolute derivative by the intercept or a coefficient above 0, of the mean penalised loss. */
  readonly gradientMax: number;
  /** Smallest derivative by a coefficient that is 0: not negative at the optimum. Absent if none is 0. */
  readonly boundGradientMin?: number;
  /** Mean over the rows of the penalised log loss. */
  readonly objective: number;
  /** Weight of the penalty towards 1, in rows. */
  readonly ridge: number;
  readonly iterations: number;
}

/** A model that adds curves of one field and tables of two: logit = intercept + Σ coefficient · cells[position]. */
export interface FoundModel {
  readonly intercept: number;
  /** The largest worth first. */
  readonly tables: readonly FoundTable[];
  /** In the order in which they were tried; without a search, empty. */
  readonly stages: readonly Stage[];
  readonly outOfFold: OutOfFold;
  readonly steps: Steps;
  readonly certificate: TablesCertificate;
}

/**
 * Returns the logits of rows.
 *
 * @param codes Per field of the search, the bin of each row.
 * @param rowCount Number of rows.
 * @returns Shape (rows).
 */
export function tableLogits(
  { intercept, tables }: Pick<FoundModel, "intercept" | "tables">,
  codes: readonly ArrayLike<number>[],
  rowCount: number,
): Float64Array {
  const logits = new Float64Array(rowCount).fill(intercept);
  for (const { fields: [first, second], positions, cells, coefficient } of tables) {
    const rows = codes[first];
    if (second === undefined) {
      for (let i = 0; i < rowCount; i++) logits[i] += coefficient * cells[positions[0][rows[i]]];
      continue;
    }
    const columns = codes[second];
    const width = widthOf(positions[1]);
    for (let i = 0; i < rowCount; i++) {
      logits[i] += coefficient * cells[positions[0][rows[i]] * width + positions[1][columns[i]]];
    }
  }
  return logits;
}

/** Returns the number of merged bins. */
export function widthOf(positions: Int32Array): number {
  return positions.reduce((most, position) => Math.max(most, position), -1) + 1;
}
