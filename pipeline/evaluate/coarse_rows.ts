import { mixed } from "../math/hash.ts";
import { type Groups, type LabelledRows, type RankedRows } from "./ranked_rows.ts";

/** Blocks of groups that are resampled in place of the groups. */
export const blockCount = 64;
/** The block of a group is the finish of its hash combined with this word, modulo the number of blocks. */
export const blockSalt = 0x3a8f05c5;
/** Bins of about equal count whose rows are resampled in place of each row: three for each bin of the calibration error. */
export const binCount = 45;
/** Cells of similar probabilities for each power of two: in a cell they differ by at most 1/256. */
const cellsPerOctave = 256;
const octaves = 40;

type Rows = Omit<LabelledRows, "groups"> & { readonly probabilities: Float64Array };

/**
 * Assigns groups to 64 blocks by their hashes. Blocks are as independent as groups are, so that a resample of blocks varies as much as
 * one of groups.
 */
export function blocksOf({ ofRow, hashes }: Groups): Groups {
  const blocks = new Uint32Array(hashes.length);
  for (let group = 0; group < hashes.length; group++) {
    blocks[group] = mixed(hashes[group] ^ blockSalt) % blockCount;
  }
  const ofRows = new Uint32Array(ofRow.length);
  for (let i = 0; i < ofRow.length; i++) ofRows[i] = blocks[ofRow[i]];
  return { ofRow: ofRows, hashes: Uint32Array.from({ length: blockCount }, (_, block) => block) };
}

/** Rows that are combined to a few: a pass over these takes a fraction of the time. Sums over blocks are those of the rows. */
export interface CoarseRows {
  /** One for each label and cell of similar probabilities, whose mean is its probability. */
  readonly cells: RankedRows;
  /** One for each bin, label and block. */
  readonly bins: RankedRows;
}

/** @param losses Of the rows, shape (rows). */
export function coarseRows(rows: Rows, blocks: Groups, losses: Float64Array): CoarseRows {
  const { labels, weights } = rows;
  const cells = cellsOf(rows.probabilities);
  const cellCount = 2 * (cellsPerOctave * octaves + 1);
  const total = new Float64Array(2 * cellCount);
  const sum = new Float64Array(cellCount);
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    total[2 * cells[i] + labels[i]] += weight;
    sum[cells[i]] += weight * rows.probabilities[i];
  }
  const binOfCell = new Uint8Array(cellCount);
  const all = total.reduce((a, b) => a + b, 0);
  const own = createRows(2 * cellCount);
  for (let cell = 0, before = 0; cell < cellCount; cell++) {
    const weight = total[2 * cell] + total[2 * cell + 1];
    // By the middle of the cell.
    binOfCell[cell] = Math.min(binCount - 1, Math.floor(binCount * (before + weight / 2) / all));
    before += weight;
    if (weight === 0) continue;
    for (const label of [0, 1]) own.add(sum[cell] / weight, label, total[2 * cell + label], 0);
  }
  const sums = blockSums(rows, blocks, losses);
  const bins = binned({ ...rows, sum, total }, { cells, binOfCell, blocks });
  return { cells: { ...own.rows(), sums }, bins: { ...bins, sums } };
}

/** Returns the cell of each probability, ascending with it: by the exponent and the upper bits of the fraction of p, or of 1 − p. */
function cellsOf(probabilities: Float64Array): Uint16Array {
  const cells = new Uint16Array(probabilities.length);
  const half = cellsPerOctave * octaves;
  const number = new Float64Array(1);
  const words = new Uint32Array(number.buffer);
  number[0] = 0.5;
  const upper = words[1] === 0 ? 0 : 1;
  // The cell of ½ is the last of its half; the least cell has all that is smaller.
  const last = words[upper] >>> 12;
  for (let i = 0; i < cells.length; i++) {
    const p = probabilities[i];
    number[0] = p <= 0.5 ? p : 1 - p;
    const below = Math.max(0, half - (last - (words[upper] >>> 12)));
    cells[i] = p <= 0.5 ? below : 2 * half + 1 - below;
  }
  return cells;
}

function blockSums(rows: Rows, { ofRow }: Groups, ofRows: Float64Array): RankedRows["sums"] {
  const { labels, probabilities } = rows;
  const [weights, clicks, losses, squares] = [0, 1, 2, 3].map(() => new Float64Array(blockCount));
  for (let i = 0; i < labels.length; i++) {
    const [block, weight, label] = [ofRow[i], rows.weights ? rows.weights[i] : 1, labels[i]];
    weights[block] += weight;
    clicks[block] += weight * label;
    losses[block] += weight * ofRows[i];
    squares[block] += weight * (label - probabilities[i]) ** 2;
  }
  return { weights, clicks, losses, squares };
}

function binned(
  { labels, weights, sum, total }: Rows & { readonly sum: Float64Array; readonly total: Float64Array },
  { cells, binOfCell, blocks: { ofRow } }: {
    readonly cells: Uint16Array;
    readonly binOfCell: Uint8Array;
    readonly blocks: Groups;
  },
): Omit<RankedRows, "sums"> {
  const size = 2 * blockCount;
  const sums = new Float64Array(binCount * size);
  for (let i = 0; i < labels.length; i++) {
    sums[binOfCell[cells[i]] * size + 2 * ofRow[i] + labels[i]] += weights ? weights[i] : 1;
  }
  const [weightOf, predictedOf] = [new Float64Array(binCount), new Float64Array(binCount)];
  binOfCell.forEach((bin, cell) => {
    weightOf[bin] += total[2 * cell] + total[2 * cell + 1];
    predictedOf[bin] += sum[cell];
  });
  const own = createRows(sums.length);
  sums.forEach((weight, at) => {
    const [bin, ofBin] = [Math.floor(at / size), at % size];
    own.add(predictedOf[bin] / weightOf[bin], ofBin % 2, weight, ofBin >> 1);
  });
  return own.rows();
}

/** Collects rows that stand for several, in the order of their probability. @param sizeMax Number of rows, at most. */
export function createRows(sizeMax: number) {
  const probabilities = new Float64Array(sizeMax);
  const labels = new Uint8Array(sizeMax);
  const weights = new Float64Array(sizeMax);
  const groups = new Uint32Array(sizeMax);
  let size = 0;
  return {
    /** Adds a row, unless its weight is 0. */
    add(probability: number, label: number, weight: number, group: number): void {
      if (weight === 0) return;
      probabilities[size] = probability;
      labels[size] = label;
      weights[size] = weight;
      groups[size++] = group;
    },
    rows: (): Omit<RankedRows, "sums"> => ({
      probabilities: probabilities.subarray(0, size),
      labels: labels.subarray(0, size),
      weights: weights.subarray(0, size),
      groups: groups.subarray(0, size),
    }),
  };
}
