import { edgesBetween } from "./bins.ts";
import type { Walk } from "./cells.ts";
import { strideOf } from "../examples/ordered_chunk.ts";
import type { NumericSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { weightedBinEdges } from "./weighted_bin_edges.ts";

/** Values that a field's quantiles are taken from: of more, these are every second, third … one. */
const valuesMax = 2 ** 18;

/**
 * Edges of the bins of each numeric field that is to have some.
 *
 * @param walk Over chunks whose numeric columns are transformed: so are the edges.
 * @param isWeighted Whether the chunks have weights.
 * @returns Per numeric field; undefined for one without bins.
 */
export function binEdges(
  walk: Walk,
  features: readonly NumericSpec[],
  isWeighted: boolean,
): (readonly number[] | undefined)[] {
  if (features.every(({ bins }) => bins === undefined)) return features.map(() => undefined);
  if (isWeighted) return weightedBinEdges(walk, features, valuesMax);
  let trainRows = 0;
  for (const { partEnds } of walk()) trainRows += partEnds[trainPart];
  const step = Math.max(1, Math.ceil(trainRows / valuesMax));
  const samples = features.map(({ bins }) =>
    new Float64Array(bins === undefined ? 0 : Math.ceil(trainRows / step))
  );
  const counts = features.map(() => 0);
  let row = 0;
  for (const chunk of walk()) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    // Rows at even distances over all chunks, whatever their lengths.
    for (let i = (step - (row % step)) % step; i < partEnds[trainPart]; i += step) {
      for (let field = 0; field < features.length; field++) {
        const value = numeric[i * stride + field];
        if (samples[field].length > 0 && value === value) samples[field][counts[field]++] = value;
      }
    }
    row += partEnds[trainPart];
  }
  return features.map(({ bins }, field) =>
    bins === undefined ? undefined : edgesBetween(samples[field].subarray(0, counts[field]), bins)
  );
}
