import type { ChunkStore, ColumnMaker } from "../chunks/chunk_store.ts";
import type { StoredChunk } from "../chunks/chunk_file.ts";
import { type InputColumn, inputIndices, type ReadingFeature, timeOf } from "../examples/input_columns.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import {
  ageOf,
  type CyclicPart,
  cyclicParts,
  positionOfPart,
  type TimePart,
} from "../examples/time_parts.ts";

/** A feature of a spec or an encoder, as far as columns are derived from it. */
type DerivingFeature = ReadingFeature & { readonly parts?: readonly TimePart[]; readonly age?: unknown };

/** Columns that are computed from those that were read. Afterwards `numeric` has the columns of `numericSpecsOf`. */
interface Derivation {
  /** Per numeric column: the column read; for an age, what it is counted from, too. */
  readonly numeric: readonly { readonly from: number; readonly since?: number | { readonly at: number } }[];
  /** Columns of codes, which follow those of categories. */
  readonly codes: readonly { readonly from: number; readonly part: CyclicPart }[];
}

/** Whether any column is derived. */
export function derivesColumns(features: readonly DerivingFeature[]): boolean {
  return features.some(({ type }) => type === "time");
}

/**
 * Replaces the columns of numbers by those of numeric features, and appends the parts of times as codes, which are positions.
 *
 * @param chunks Consumed. Returned unchanged if nothing is derived.
 */
export function deriveColumns(
  chunks: StoredChunk<OrderedChunk>[],
  features: readonly DerivingFeature[],
  chunkStore: ChunkStore,
): StoredChunk<OrderedChunk>[] {
  if (!derivesColumns(features)) return chunks;
  const derivation = derivationOf(features);
  return chunkStore.rewrite(chunks, (chunk) => derived(chunk, derivation, chunkStore.columns));
}

function derivationOf(features: readonly DerivingFeature[]): Derivation {
  const indexOf = inputIndices(features);
  const number = (name: string) => indexOf({ name, kind: "number" } satisfies InputColumn);
  return {
    numeric: features.flatMap(({ type, name, since, parts = [], age }) => {
      const from = number(name);
      if (type === "numeric") return [{ from }];
      if (type !== "time" || !(parts.includes("age") || age !== undefined)) return [];
      const origin = typeof since === "string" ? timeOf(since) ?? { at: number(since) } : since ?? 0;
      return [{ from, since: origin }];
    }),
    codes: features.flatMap(({ type, name, parts = [] }) =>
      type === "time" ? cyclicParts(parts).map((part) => ({ from: number(name), part })) : []
    ),
  };
}

function derived(chunk: OrderedChunk, { numeric, codes }: Derivation, columns: ColumnMaker): OrderedChunk {
  const { rowCount } = chunk;
  const stride = strideOf(chunk);
  const target = columns.float64(rowCount * numeric.length);
  numeric.forEach(({ from, since }, j) => {
    if (since === undefined) {
      copyColumn(chunk.numeric, { from, stride }, target, { from: j, stride: numeric.length });
    } else addAges(chunk.numeric, { from, stride, since }, target, { from: j, stride: numeric.length });
  });
  const parts = codes.map(({ from, part }) => {
    const positions = columns.uint16(rowCount);
    const positionOf = positionOfPart(part);
    for (let i = 0, k = from; i < rowCount; i++, k += stride) positions[i] = positionOf(chunk.numeric[k]);
    return positions;
  });
  return { ...chunk, numeric: target, codes: [...chunk.codes, ...parts] };
}

/** Elements `from`, `from + stride`, … of an array. */
interface Strided {
  readonly from: number;
  readonly stride: number;
}

function copyColumn(
  source: Float64Array,
  { from, stride }: Strided,
  target: Float64Array,
  to: Strided,
): void {
  for (let i = from, k = to.from; k < target.length; i += stride, k += to.stride) target[k] = source[i];
}

function addAges(
  source: Float64Array,
  { from, stride, since }: Strided & { readonly since: number | { readonly at: number } },
  target: Float64Array,
  to: Strided,
): void {
  const [origin, step] = typeof since === "number" ? [new Float64Array([since]), 0] : [source, stride];
  let at = typeof since === "number" ? 0 : since.at;
  for (let i = from, k = to.from; k < target.length; i += stride, k += to.stride, at += step) {
    target[k] = ageOf(source[i], origin[at]);
  }
}
