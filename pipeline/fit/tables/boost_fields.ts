import { sharedFloat64, sharedUint16, sharedUint8 } from "../../runtime/shared_memory.ts";
import { type BoostField, type BoostRows, growth } from "./boost_rows.ts";
import type { BinnedField, RowFolds, SearchRows } from "./found_model.ts";

/** Levels of a categorical field that trees tell apart: the most frequent ones. */
const levelsMax = 4095;
const numericBinsMax = 65_536;

/** Fields as trees see them. */
export interface PooledFields {
  readonly fields: readonly BoostField[];
  /** Per field, the bin of trees of each bin; absent if they are the same. */
  readonly pooled: readonly (Int32Array | undefined)[];
}

/**
 * Pools the levels of categorical fields that no tree could tell apart, having too few rows for a side of a split, and those beyond the
 * most frequent ones, into bin 0: a rare level is predicted as an unknown one.
 */
export function poolLevels({ fields, weights }: Pick<SearchRows, "fields" | "weights">): PooledFields {
  const all = fields.map((field) => poolField(field, weights));
  return { fields: all.map(({ field }) => field), pooled: all.map(({ pooled }) => pooled) };
}

function poolField({ kind, codes, binCount }: BinnedField, weights: Float64Array | undefined) {
  const isNumeric = kind === "numeric";
  if (isNumeric) {
    if (binCount > numericBinsMax) throw new Error(`a field of ${binCount} bins is above ${numericBinsMax}`);
    return { field: { codes: narrow(codes), binCount, isNumeric }, pooled: undefined };
  }
  const counts = new Float64Array(binCount);
  for (let i = 0; i < codes.length; i++) counts[codes[i]] += weights ? weights[i] : 1;
  const levels = Array.from({ length: Math.max(0, binCount - 1) }, (_, i) => i + 1);
  const kept = levels.filter((level) => counts[level] >= growth.leafRows)
    .sort((a, b) => counts[b] - counts[a] || a - b).slice(0, levelsMax).sort((a, b) => a - b);
  if (kept.length === levels.length) {
    return { field: { codes: narrow(codes), binCount, isNumeric }, pooled: undefined };
  }
  const pooled = new Int32Array(binCount);
  kept.forEach((level, i) => pooled[level] = i + 1);
  const own = sharedUint16(codes.length);
  for (let i = 0; i < codes.length; i++) own[i] = pooled[codes[i]];
  return { field: { codes: own, binCount: kept.length + 1, isNumeric }, pooled };
}

function narrow(codes: BinnedField["codes"]): Uint16Array<SharedArrayBuffer> {
  if (codes instanceof Uint16Array) return codes;
  const own = sharedUint16(codes.length);
  own.set(codes);
  return own;
}

/** Copies some rows. @param rows Row numbers. */
export function takeRows({ fields, labels, weights, blocks }: BoostRows, rows: Uint32Array): BoostRows {
  const copy = <Column extends { [row: number]: number }>(from: ArrayLike<number>, to: Column) => {
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]];
    return to;
  };
  return {
    fields: fields.map(({ codes, ...field }) => ({
      ...field,
      codes: copy(codes, sharedUint16(rows.length)),
    })),
    labels: copy(labels, sharedUint8(rows.length)),
    ...weights ? { weights: copy(weights, sharedFloat64(rows.length)) } : {},
    blocks: copy(blocks, sharedUint8(rows.length)),
  };
}

/** Returns the weight of all rows. */
export function totalWeight({ labels, weights }: Pick<BoostRows, "labels" | "weights">): number {
  return weights ? weights.reduce((sum, weight) => sum + weight, 0) : labels.length;
}

/** Returns all blocks that rows are in, ascending. */
export function blocksOf({ blocks }: Pick<RowFolds, "blocks">): number[] {
  return [...new Set(blocks)].sort((a, b) => a - b);
}
