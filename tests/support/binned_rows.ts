import type { BinnedField, SearchRows } from "../../pipeline/fit/tables/found_model.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import {
  sharedFloat64,
  sharedUint16,
  sharedUint32,
  sharedUint8,
} from "../../pipeline/runtime/shared_memory.ts";

/** A field to make: its number of bins besides bin 0, and the share of rows in bin 0. */
export interface FieldShape {
  readonly name: string;
  readonly kind: BinnedField["kind"];
  readonly bins: number;
  readonly missing?: number;
}

export interface BinnedOptions {
  readonly seed?: number;
  /** Rows of a group; default: 1. */
  readonly groupRows?: number;
  /** Returns a row's logit from its bins. */
  logit(bins: readonly number[]): number;
}

/** Makes rows of uniform bins whose labels are drawn with the given log-odds. */
export function binnedRows(
  rowCount: number,
  shapes: readonly FieldShape[],
  { seed = 1, groupRows = 1, logit }: BinnedOptions,
): SearchRows {
  const random = createRandom(seed);
  const codes = shapes.map(() => sharedUint16(rowCount));
  const [labels, groups] = [sharedUint8(rowCount), sharedUint32(rowCount)];
  for (let i = 0; i < rowCount; i++) {
    const bins = shapes.map(({ bins, missing = 0 }) =>
      random.uniform() < missing ? 0 : 1 + random.below(bins)
    );
    bins.forEach((bin, f) => codes[f][i] = bin);
    labels[i] = random.uniform() < 1 / (1 + Math.exp(-logit(bins))) ? 1 : 0;
    groups[i] = Math.floor(i / groupRows);
  }
  const fields = shapes.map(({ name, kind, bins, missing = 0 }, f) => ({
    name,
    kind,
    binCount: bins + 1,
    codes: codes[f],
    hasMissing: missing > 0,
  }));
  return { fields, labels, groups };
}

/** Gives rows weights. @param weightOf Of a row, by its number. */
export function weightedRows(rows: SearchRows, weightOf: (row: number) => number): SearchRows {
  const weights = sharedFloat64(rows.labels.length);
  for (let i = 0; i < weights.length; i++) weights[i] = weightOf(i);
  return { ...rows, weights };
}
