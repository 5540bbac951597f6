import type { BinnedRows } from "../../pipeline/encode/bin_rows.ts";
import { encodeInSteps } from "../../pipeline/encode/encode.ts";
import type { FeatureSpec } from "../../pipeline/examples/spec.ts";
import type { Partition } from "../../pipeline/examples/split.ts";
import type { FoundTable } from "../../pipeline/fit/tables/found_model.ts";
import type { Random } from "../../pipeline/math/random.ts";
import { createChunkStore } from "../../pipeline/chunks/chunk_store.ts";
import { runToEnd } from "../../pipeline/runtime/steps.ts";
import { foundDesign } from "../../pipeline/train/found/found_design.ts";
import { foundEncoder } from "../../pipeline/train/found/found_encoder.ts";
import { allTrain, type ExampleRow, rawExamplesOf } from "./example_rows.ts";

/** Makes a curve of each axis and a table of each pair, whose merged bins and cells are random. */
export function randomTables({ axes }: Pick<BinnedRows, "axes">, random: Random): FoundTable[] {
  const pairs = axes.flatMap((_, a) => axes.slice(a + 1).map((_, b) => [a, a + 1 + b] as const));
  return [...axes.keys()].map((a) => [a] as const).concat(pairs as never).map((fields) => {
    const positions = fields.map((field) => mergedBins(axes[field], random));
    const size = positions.reduce((product, own) => product * (Math.max(...own) + 1), 1);
    return {
      fields,
      positions,
      cells: Float64Array.from({ length: size }, () => 2 * random.uniform() - 1),
      coefficient: 0.5 + random.uniform(),
      worth: 1,
    };
  });
}

/** Bin 0 is never merged, and bins of numbers only with their neighbours. */
function mergedBins({ kind, binCount }: BinnedRows["axes"][number], random: Random): Int32Array {
  let last = 0;
  return Int32Array.from({ length: binCount }, (_, bin) => {
    if (bin === 0) return 0;
    if (kind === "categorical" && last > 0 && random.below(3) === 0) return 1 + random.below(last);
    return bin === 1 || random.below(3) > 0 ? ++last : last;
  });
}

/** Encodes rows by random tables, as a training does by tables that it has found. */
export function encodeByTables(
  spec: FeatureSpec,
  rows: readonly ExampleRow[],
  random: Random,
  { chunkRows, partition = allTrain }: { chunkRows?: number; partition?: Partition } = {},
) {
  const raw = rawExamplesOf(spec, rows, chunkRows);
  const encoded = runToEnd(encodeInSteps(raw, spec, partition, { poolPure: false, withBins: true }));
  const { binned, design } = encoded;
  if (!binned) throw new Error("bins were asked for");
  const tables = randomTables(binned, random);
  return {
    binned,
    tables,
    ...foundEncoder(binned, tables),
    design: foundDesign(design, binned, tables, createChunkStore()),
    coefficients: Float64Array.from(tables, ({ coefficient }) => coefficient),
  };
}
