import { loadEach } from "../../chunks/chunk_store.ts";
import type { BinnedRows } from "../../encode/bin_rows.ts";
import { type DesignMatrix, fitWeightsOf } from "../../encode/design_matrix.ts";
import { trainPart } from "../../examples/split.ts";
import type { SearchRows } from "../../fit/tables/found_model.ts";
import { sharedFloat64, sharedUint16, sharedUint32, sharedUint8 } from "../../runtime/shared_memory.ts";

/** Returns the weights of the training rows without those of their classes; undefined if every row counts once. */
export function rowWeightsOf({ partRows, chunks }: DesignMatrix): SearchRows["weights"] {
  let all: SearchRows["weights"];
  let at = 0;
  for (const { weights, partEnds } of loadEach(chunks)) {
    const rows = partEnds[trainPart];
    if (weights) (all ??= sharedFloat64(partRows[trainPart])).set(weights.subarray(0, rows), at);
    at += rows;
  }
  return all;
}

/**
 * Returns the training rows as bins, with their weights in a fit.
 *
 * @param design Of the same rows in the same order, with the hashes of their groups.
 * @param split How the held-out rows were chosen; default: by group.
 */
export function searchRowsOf(
  { axes }: BinnedRows,
  design: DesignMatrix,
  split: SearchRows["split"],
): SearchRows {
  const count = design.partRows[trainPart];
  const fields = axes.map(({ name, kind, binCount, codes }) => ({
    name,
    kind,
    binCount,
    codes: codes instanceof Uint16Array ? sharedUint16(count) : sharedUint32(count),
    hasMissing: false,
  }));
  const [labels, groups] = [sharedUint8(count), sharedUint32(count)];
  let weights: SearchRows["weights"];
  let times: SearchRows["times"];
  let [before, at] = [0, 0];
  for (const chunk of loadEach(design.chunks)) {
    const rows = chunk.partEnds[trainPart];
    fields.forEach(({ codes }, i) => codes.set(axes[i].codes.subarray(before, before + rows), at));
    labels.set(chunk.labels.subarray(0, rows), at);
    if (!chunk.groups) throw new Error("the design has no group hashes");
    groups.set(chunk.groups.subarray(0, rows), at);
    const own = fitWeightsOf(chunk);
    if (own) (weights ??= sharedFloat64(count)).set(own.subarray(0, rows), at);
    if (chunk.times && split !== undefined) {
      (times ??= sharedFloat64(count)).set(chunk.times.subarray(0, rows), at);
    }
    before += chunk.labels.length;
    at += rows;
  }
  return {
    fields: fields.map((field) => ({ ...field, hasMissing: field.codes.includes(0) })),
    labels,
    groups,
    ...(weights ? { weights } : {}),
    ...(times && split ? { times, split } : {}),
  };
}
