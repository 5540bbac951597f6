import { mixed } from "../math/hash.ts";
import type { Groups, RankedRows } from "./ranked_rows.ts";

/** Blocks of groups that are resampled in place of the groups, and bins of similar probabilities in place of the rows. */
const blockCount = 100;
const binCount = 128;

/**
 * Assigns groups to 100 blocks by their hashes. Blocks are as independent as groups are, so that a resample of blocks varies as much as
 * one of groups.
 */
export function blocksOf({ ofRow, hashes }: Groups): Groups {
  const blocks = new Uint32Array(hashes.length);
  for (let group = 0; group < hashes.length; group++) {
    blocks[group] = mixed(hashes[group] ^ 0x3a8f05c5) % blockCount;
  }
  const ofRows = new Uint32Array(ofRow.length);
  for (let i = 0; i < ofRow.length; i++) ofRows[i] = blocks[ofRow[i]];
  return { ofRow: ofRows, hashes: Uint32Array.from({ length: blockCount }, (_, block) => block) };
}

/**
 * Combines the rows of each bin, block and label to one, whose probability is the mean of its bin. A pass over them takes a fraction of
 * the time; the sums over blocks, and thus log loss and Brier score, remain those of the rows.
 *
 * @param rows Ranked, with blocks as groups.
 */
export function binned({ probabilities, labels, weights, groups, sums }: RankedRows): RankedRows {
  const rowCount = labels.length;
  const sizeMax = 2 * blockCount * binCount;
  const made = {
    probabilities: new Float64Array(sizeMax),
    labels: new Uint8Array(sizeMax),
    weights: new Float64Array(sizeMax),
    groups: new Uint32Array(sizeMax),
  };
  const ofBin = new Float64Array(2 * blockCount);
  let size = 0;
  for (let i = 0, bin = 1; i < rowCount; bin++) {
    const wanted = Math.ceil((rowCount * bin) / binCount);
    let [weight, sum] = [0, 0];
    ofBin.fill(0);
    // Rows with the same probability share a bin.
    for (
      const from = i;
      i < rowCount && (i < wanted || (i > from && probabilities[i] === probabilities[i - 1]));
      i++
    ) {
      weight += weights[i];
      sum += weights[i] * probabilities[i];
      ofBin[2 * groups[i] + labels[i]] += weights[i];
    }
    for (let at = 0; at < ofBin.length; at++) {
      if (ofBin[at] === 0) continue;
      made.probabilities[size] = sum / weight;
      made.labels[size] = at % 2;
      made.weights[size] = ofBin[at];
      made.groups[size++] = at >> 1;
    }
  }
  return {
    probabilities: made.probabilities.subarray(0, size),
    labels: made.labels.subarray(0, size),
    weights: made.weights.subarray(0, size),
    groups: made.groups.subarray(0, size),
    sums,
  };
}
