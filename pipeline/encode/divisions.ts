/** Bins of one count, of a field that has several. */
export interface Resolution {
  /** How many bins the feature spec asks for, by which a cross names them. */
  readonly bins: number;
  /** Edges of the transformed value, ascending. */
  readonly edges: readonly number[];
}

/** The members of a numeric encoder that say which positions its values have. */
export interface Divided {
  readonly column: number;
  readonly missingIndicator: boolean;
  readonly edges?: readonly number[] | undefined;
  readonly resolutions?: readonly Resolution[] | undefined;
  readonly exactValues?: readonly number[] | undefined;
}

/**
 * A division of a numeric field's values: into bins, or into exact values and all others. Each bin and each exact value has a
 * column. The last position is that of a missing value; before it, exact values have one for all other numbers.
 */
export type Division =
  & {
    /** Column of the first bin or value. The others follow. */
    readonly column: number;
    /** Number of bins or exact values. */
    readonly count: number;
    readonly positionCount: number;
  }
  & (
    | {
      readonly kind: "bins";
      /** Edges of the transformed value, ascending. */
      readonly edges: readonly number[];
      /** How many bins the feature spec asks for, of a field that has several divisions into bins. */
      readonly bins?: number | undefined;
    }
    | { readonly kind: "values"; readonly values: readonly number[] }
  );

/** Returns the divisions of a numeric field in the order of their columns: bins, the coarsest first, then exact values. */
export function divisionsOf(
  { column, missingIndicator, edges, resolutions = [], exactValues: values }: Divided,
): Division[] {
  let next = column + (missingIndicator ? 2 : 1);
  const take = (count: number) => {
    next += count;
    return next - count;
  };
  const all = edges ? [{ edges, bins: undefined }] : resolutions;
  const divisions = all.map(({ edges, bins }): Division => {
    const count = edges.length + 1;
    return { kind: "bins", column: take(count), count, positionCount: count + 1, edges, bins };
  });
  if (!values) return divisions;
  const count = values.length;
  return [...divisions, { kind: "values", column: take(count), count, positionCount: count + 2, values }];
}

/** Returns the position of a number. @param shown The number after the field's transform. */
export function positionIn(division: Division, value: number, shown: number): number {
  return division.kind === "bins" ? binOf(division.edges, shown) : exactPosition(division.values, value);
}

/** Returns the bin of a number: the count of edges that are not above it. @param edges Ascending. */
export function binOf(edges: ArrayLike<number>, value: number): number {
  let from = 0;
  let to = edges.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (edges[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Returns the index of a number among exact values, ascending; their count if it is none of them. */
export function exactPosition(values: readonly number[], value: number): number {
  const at = binOf(values, value) - 1;
  return at >= 0 && values[at] === value ? at : values.length;
}
