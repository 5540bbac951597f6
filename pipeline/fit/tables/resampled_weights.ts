import { drawCounts } from "../../evaluate/resample_kernel.ts";
import type { BoostRows, Resample } from "./boost_rows.ts";

/** Returns the weight of each row times how often its group is in a resample. */
export function resampledWeights(
  { groups, weights }: Pick<BoostRows, "groups" | "weights">,
  { number, seed }: Resample,
): Float64Array {
  if (!groups) throw new Error("rows that are resampled have no groups");
  return Float64Array.from(
    drawCounts(groups, number, seed),
    (count, row) => weights ? count * weights[row] : count,
  );
}
