import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import { binOf } from "./divisions.ts";

/** Where the positions of a factor come from: plain data, which can be posted to other threads. */
export type PositionSource =
  /** 0 for a number, 1 for a missing one. @param field Index among the numeric columns. */
  | { readonly kind: "missing"; readonly field: number }
  /** The bin of a number; the last position for a missing one. */
  | { readonly kind: "bins"; readonly field: number; readonly edges: readonly number[] }
  /** The codes are positions. @param field Index among the columns of codes. */
  | { readonly kind: "codes"; readonly field: number }
  /** The position of each code, shape (levels). */
  | { readonly kind: "levels"; readonly field: number; readonly positionOf: Uint32Array };

/** A factor, as far as its positions are read. */
export interface Positions {
  readonly positionCount: number;
  readonly source: PositionSource;
}

/** Returns each row's combination of the factors' positions, as a mixed-radix number. */
export function combinationsOf(factors: readonly Positions[], chunk: OrderedChunk): Uint32Array {
  const combinations = new Uint32Array(chunk.rowCount);
  for (const factor of factors) appendPositions(factor, chunk, combinations);
  return combinations;
}

/** Multiplies each row's combination by `positionCount` and adds the row's position. @param out Combinations, shape (rows). */
export function appendPositions(
  { source, positionCount }: Positions,
  chunk: OrderedChunk,
  out: Uint32Array,
): void {
  switch (source.kind) {
    case "missing":
      return appendMissing(source.field, chunk, out);
    case "bins":
      return appendBins(source.field, source.edges, chunk, out);
    case "codes":
      return appendCodes(chunk.codes[source.field], positionCount, out);
    case "levels":
      return appendLevels(chunk.codes[source.field], source.positionOf, positionCount, out);
  }
}

function appendMissing(field: number, chunk: OrderedChunk, out: Uint32Array): void {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  for (let i = 0, k = field; i < out.length; i++, k += stride) {
    out[i] = 2 * out[i] + (numeric[k] === numeric[k] ? 0 : 1);
  }
}

function appendBins(field: number, edges: readonly number[], chunk: OrderedChunk, out: Uint32Array): void {
  const { numeric } = chunk;
  const stride = strideOf(chunk);
  const missing = edges.length + 1;
  for (let i = 0, k = field; i < out.length; i++, k += stride) {
    const value = numeric[k];
    out[i] = (missing + 1) * out[i] + (value === value ? binOf(edges, value) : missing);
  }
}

function appendCodes(codes: OrderedChunk["codes"][number], positionCount: number, out: Uint32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = positionCount * out[i] + codes[i];
}

function appendLevels(
  codes: OrderedChunk["codes"][number],
  positionOf: Uint32Array,
  positionCount: number,
  out: Uint32Array,
): void {
  for (let i = 0; i < out.length; i++) out[i] = positionCount * out[i] + positionOf[codes[i]];
}
