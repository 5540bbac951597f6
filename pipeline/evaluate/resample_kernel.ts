import { slackOf } from "../encode/weight_slack.ts";
import { log } from "../math/elementary.ts";
import bytes from "./kernel/resamples.wasm" with { type: "bytes" };
import { type MetricValues, type RankedRows, reliabilityBins } from "./ranked_rows.ts";
import { countsByByte, poissonEnds, type ResampleOptions, saltsOf } from "./resampling.ts";

/** Rows of some groups, and how models predict them. */
export interface ResampledRows {
  /** Hash of each group, shape (groups). */
  readonly hashes: Uint32Array;
  /** By model. */
  readonly rankings: readonly RankedRows[];
  /** Losses of at most two baselines, summed over the rows of each group by their weights, shape (groups) each. */
  readonly baselines?: readonly Float64Array[];
}

/** What is computed of rows, or of a resample of them. */
export interface Reading {
  /** By model; undefined without rows. */
  readonly metrics: readonly (MetricValues | undefined)[];
  /** Mean loss of each baseline, and its difference from that of the first model; null without rows. */
  readonly baselines: readonly (readonly [loss: number | null, difference: number | null])[];
}

/** @param counts How often each group occurs, shape (groups). Default: once. */
export function readRows(rows: ResampledRows, counts?: Uint8Array): Reading {
  const loaded = load(rows);
  if (counts) {
    for (let group = 0; group < counts.length; group++) loaded.counts[atOnce * group] = counts[group];
  } else loaded.counts.fill(1);
  return loaded.read()[0];
}

/**
 * Returns what is computed of each resample, in which groups occur more or less often. Without resamples for fewer than two groups.
 */
export function readResamples(rows: ResampledRows, { resamples, seed }: ResampleOptions): Reading[] {
  const loaded = load(rows);
  const readings: Reading[] = [];
  while (rows.hashes.length > 1 && readings.length < resamples) {
    for (let which = 0; which < atOnce; which++) loaded.draw(which, readings.length + which, seed);
    readings.push(...loaded.read());
  }
  return readings.slice(0, resamples);
}

/** Returns how often each group occurs in a resample, see `saltsOf`. @param hashes Of the groups, shape (groups). */
export function drawCounts(hashes: Uint32Array, resample: number, seed: number): Uint8Array {
  const { draw, counts } = load({ hashes, rankings: [] });
  draw(0, resample, seed);
  return counts.filter((_, i) => i % atOnce === 0);
}

/** The exports of resamples.wasm. Addresses are in bytes. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  draw(
    hashes: number,
    counts: number,
    count: number,
    salt: number,
    secondSalt: number,
    byByte: number,
    ends: number,
    endCount: number,
  ): void;
  addFour(counts: number, sums: number, count: number, out: number): void;
  addTwo(counts: number, sums: number, count: number, out: number): void;
  rank(
    codes: number,
    probabilities: number,
    weights: number,
    counts: number,
    rowCount: number,
    totals: number,
    slack: number,
    binCount: number,
    out: number,
  ): void;
}

let kernel: Kernel | undefined;

const pageBytes = 65_536;
/** The loops read as many bytes at once. */
const alignment = 16;
/** Resamples that the kernel reads at once: each number is followed by that of the other one. */
const atOnce = 2;
/** Sums over groups of a model, and of the baselines. */
const [modelSums, baselineSums] = [4, 2];

/** Copies rows to the memory of the kernel, of which each thread has one: they are there until the next ones are loaded. */
function load(rows: ResampledRows) {
  kernel ??= new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Kernel;
  const { memory, draw, addFour, addTwo, rank } = kernel;
  const { hashes, rankings, baselines = [] } = rows;
  const groupCount = hashes.length;
  const size = layout();
  const at = {
    byByte: size.take(countsByByte.length),
    ends: size.take(8 * poissonEnds.length),
    sums: size.take(8 * atOnce * modelSums),
    slack: size.take(8 * atOnce),
    ranks: size.take(8 * atOnce * 3),
    hashes: size.take(4 * groupCount),
    counts: size.take(atOnce * groupCount),
    baselines: size.take(8 * baselineSums * groupCount),
    rankings: rankings.map(({ labels }) => ({
      sums: size.take(8 * modelSums * groupCount),
      codes: size.take(4 * labels.length),
      probabilities: size.take(8 * labels.length),
      weights: size.take(8 * labels.length),
    })),
  };
  const missingBytes = size.total() - memory.buffer.byteLength;
  if (missingBytes > 0) memory.grow(Math.ceil(missingBytes / pageBytes));
  const { buffer } = memory;
  const numbersAt = (address: number, count: number) => new Float64Array(buffer, address, count);
  new Int8Array(buffer, at.byByte).set(countsByByte);
  numbersAt(at.ends, poissonEnds.length).set(poissonEnds);
  new Uint32Array(buffer, at.hashes, groupCount).set(hashes);
  interleave(numbersAt(at.baselines, baselineSums * groupCount), baselines, baselineSums);
  const readers = rankings.map((ranked, i) => {
    const { sums, codes, probabilities, weights } = at.rankings[i];
    const rowCount = ranked.labels.length;
    const own = ranked.sums;
    const ofGroups = [own.weights, own.clicks, own.losses, own.squares];
    interleave(numbersAt(sums, modelSums * groupCount), ofGroups, modelSums);
    writeCodes(new Uint32Array(buffer, codes, rowCount), ranked);
    numbersAt(probabilities, rowCount).set(ranked.probabilities);
    const areOne = ranked.weights.every((weight) => weight === 1);
    if (!areOne) numbersAt(weights, rowCount).set(ranked.weights);
    return { sums, codes, probabilities, weights: areOne ? 0 : weights, rowCount };
  });
  const sums = numbersAt(at.sums, atOnce * modelSums);
  const slack = numbersAt(at.slack, atOnce);
  const ranks = numbersAt(at.ranks, atOnce * 3);

  function readModel({ codes, probabilities, weights, rowCount, ...reader }: typeof readers[number]) {
    addFour(at.counts, reader.sums, groupCount, at.sums);
    for (let which = 0; which < atOnce; which++) slack[which] = slackOf(sums[which]);
    rank(
      ...[codes, probabilities, weights, at.counts, rowCount] as const,
      ...[at.sums, at.slack, reliabilityBins, at.ranks] as const,
    );
    return [0, 1].map((which) => sumsOf(which, sums, ranks));
  }

  return {
    /** How often each group occurs, shape (groups, 2): to be set or drawn before the rows are read. */
    counts: new Uint8Array(buffer, at.counts, atOnce * groupCount),
    draw(which: number, resample: number, seed: number): void {
      const [salt, secondSalt] = saltsOf(resample, seed);
      const { byByte, ends } = at;
      draw(at.hashes, at.counts + which, groupCount, salt, secondSalt, byByte, ends, poissonEnds.length);
    },
    /** Of both resamples. */
    read(): Reading[] {
      const models = readers.map(readModel);
      if (baselines.length > 0) addTwo(at.counts, at.baselines, groupCount, at.sums);
      return [0, 1].map((which) => ({
        metrics: models.map((ofBoth) => metricsOf(ofBoth[which])),
        baselines: baselines.map((_, i) => baselineOf(sums[atOnce * i + which], models[0][which])),
      }));
    },
  };
}

/** What the kernel computes of a model in a resample. */
type Sums = ReturnType<typeof sumsOf>;

function sumsOf(which: number, sums: Float64Array, ranks: Float64Array) {
  const [total, clicks, loss, squares] = [0, 1, 2, 3].map((k) => sums[atOnce * k + which]);
  const [wins, precisions, calibration] = [0, 1, 2].map((k) => ranks[atOnce * k + which]);
  return { total, clicks, loss, squares, wins, precisions, calibration };
}

function metricsOf(
  { total, clicks, loss, squares, wins, precisions, calibration }: Sums,
): MetricValues | undefined {
  if (total === 0) return undefined;
  const hasBoth = clicks > 0 && total - clicks > 0;
  return {
    log_loss: loss / total,
    normalised_entropy: hasBoth ? loss / total / entropyOf(clicks / total) : null,
    auc: hasBoth ? wins / clicks / (total - clicks) : null,
    pr_auc: hasBoth ? precisions / clicks : null,
    brier: squares / total,
    ece: calibration / total,
  };
}

/** @param own Sum of the losses of a baseline. @param model Sums of the model. */
function baselineOf(own: number, { total, loss }: Sums): Reading["baselines"][number] {
  return total > 0 ? [own / total, (own - loss) / total] : [null, null];
}

function layout() {
  let end = 0;
  return {
    /** Returns the address of as many bytes, with space for what is read beyond them. */
    take(byteCount: number): number {
      const address = end;
      end += alignment * (Math.ceil(byteCount / alignment) + 1);
      return address;
    },
    total: (): number => end,
  };
}

/** Writes the numbers of each group side by side, and 0 where there are fewer than `width`. */
function interleave(into: Float64Array, sums: readonly Float64Array[], width: number): void {
  if (sums.length < width) into.fill(0);
  sums.forEach((own, k) => {
    for (let group = 0; group < own.length; group++) into[width * group + k] = own[group];
  });
}

/** Writes four times each row's group, plus 2 if it is the last of those of the same probability, plus its label: one array to read. */
function writeCodes(codes: Uint32Array, { probabilities, labels, groups }: RankedRows): void {
  for (let i = 0; i < codes.length; i++) {
    const isLast = probabilities[i] !== probabilities[i + 1];
    codes[i] = 4 * groups[i] + (isLast ? 2 : 0) + labels[i];
  }
}

/** Returns the log loss of a constant that is the click rate. */
function entropyOf(rate: number): number {
  return -(rate * log(rate) + (1 - rate) * log(1 - rate));
}
