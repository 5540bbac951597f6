/**
 * The passes of two resamples over groups and rows, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task
 * resample-kernel` compiles it to resamples.wasm, which is committed next to it. Its only caller is
 * pipeline/evaluate/resample_kernel.ts, which allocates the memory.
 *
 * Each sum adds the same numbers in the same order as a loop in JavaScript would. It is faster since four draws are made at once,
 * since each lane of a vector has a sum of one of two resamples, and since no branch depends on a label or a draw, which no processor
 * could predict. Addresses are in bytes.
 */

/**
 * counts[2 · i] = how often group i occurs in a resample.
 *
 * @param hashes Of the groups, of 4 bytes, with space for three more; counts are of 1 byte, with the same space.
 * @param byByte Counts by the upper byte of a word, of 1 byte; −1 if they depend on the other bytes.
 * @param ends Upper ends of the intervals of words that stand for 0, 1, 2, …, as f64.
 */
export function draw(
  hashes: usize,
  counts: usize,
  count: i32,
  salt: i32,
  secondSalt: i32,
  byByte: usize,
  ends: usize,
  endCount: i32,
): void {
  const salts = i32x4.splat(salt);
  const secondSalts = i32x4.splat(secondSalt);
  for (let i = 0; i < count; i += 4) {
    const hashed = mixed(v128.xor(v128.load(hashes + (<usize> i << 2)), salts));
    const words = mixed(i32x4.add(hashed, secondSalts));
    const at = counts + (<usize> i << 1);
    store<u8>(at, countOf(i32x4.extract_lane(words, 0), byByte, ends, endCount), 0);
    store<u8>(at, countOf(i32x4.extract_lane(words, 1), byByte, ends, endCount), 2);
    store<u8>(at, countOf(i32x4.extract_lane(words, 2), byByte, ends, endCount), 4);
    store<u8>(at, countOf(i32x4.extract_lane(words, 3), byByte, ends, endCount), 6);
  }
}

/** `mixed` of pipeline/math/hash.ts, of four words. */
// @ts-ignore: a decorator of the compiler

function mixed(words: v128): v128 {
  const first = i32x4.mul(v128.xor(words, i32x4.shr_u(words, 16)), i32x4.splat(0x85ebca6b));
  const second = i32x4.mul(v128.xor(first, i32x4.shr_u(first, 13)), i32x4.splat(0xc2b2ae35));
  return v128.xor(second, i32x4.shr_u(second, 16));
}

// @ts-ignore: a decorator of the compiler

function countOf(word: u32, byByte: usize, ends: usize, endCount: i32): u8 {
  const known = load<i8>(byByte + <usize> (word >>> 24));
  return known >= 0 ? <u8> known : countAmong(word, ends, endCount);
}

function countAmong(word: u32, ends: usize, endCount: i32): u8 {
  let count = 0;
  while (count < endCount && <f64> word >= load<f64>(ends + (<usize> count << 3))) count++;
  return <u8> count;
}

/** The counts of a group in both resamples. */
// @ts-ignore: a decorator of the compiler

function countsAt(counts: usize, group: u32): v128 {
  const bytes = v128.load32_zero(counts + (<usize> group << 1));
  return f64x2.convert_low_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
}

/**
 * out[k, r] = Σ counts[i, r] · sums[i, k] for k < 4 and both resamples r.
 *
 * @param sums Four numbers a group, in f64.
 */
export function addFour(counts: usize, sums: usize, count: i32, out: usize): void {
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  let sum2 = f64x2.splat(0);
  let sum3 = f64x2.splat(0);
  for (let i = 0; i < count; i++) {
    const times = countsAt(counts, i);
    const at = sums + (<usize> i << 5);
    sum0 = f64x2.add(sum0, f64x2.mul(times, v128.load64_splat(at)));
    sum1 = f64x2.add(sum1, f64x2.mul(times, v128.load64_splat(at, 8)));
    sum2 = f64x2.add(sum2, f64x2.mul(times, v128.load64_splat(at, 16)));
    sum3 = f64x2.add(sum3, f64x2.mul(times, v128.load64_splat(at, 24)));
  }
  v128.store(out, sum0);
  v128.store(out, sum1, 16);
  v128.store(out, sum2, 32);
  v128.store(out, sum3, 48);
}

/** The same for k < 2, of two numbers a group. */
export function addTwo(counts: usize, sums: usize, count: i32, out: usize): void {
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  for (let i = 0; i < count; i++) {
    const times = countsAt(counts, i);
    const at = sums + (<usize> i << 4);
    sum0 = f64x2.add(sum0, f64x2.mul(times, v128.load64_splat(at)));
    sum1 = f64x2.add(sum1, f64x2.mul(times, v128.load64_splat(at, 8)));
  }
  v128.store(out, sum0);
  v128.store(out, sum1, 16);
}

const lastOfEqual: u32 = 2;

/**
 * Passes over rows in ascending order of their probability.
 *
 * @param codes Of 4 bytes: four times the row's group, plus 2 if it is the last of those of the same probability, plus its label.
 * @param probabilities,weights As f64; weights are 0 if each is 1.
 * @param totals Of both resamples: the weight of all rows; then that of the clicked ones.
 * @param slack Of both resamples: the tolerance of a bin's end.
 * @param out Of both resamples: Σ over clicked rows of the others below them; Σ over clicked rows of the precision; Σ over bins of
 *   equal count of the difference of predicted and observed clicks.
 */
export function rank(
  codes: usize,
  probabilities: usize,
  weights: usize,
  counts: usize,
  rowCount: i32,
  totals: usize,
  slack: usize,
  binCount: i32,
  out: usize,
): void {
  if (weights == 0) {
    scan(false, codes, probabilities, weights, counts, rowCount, totals, slack, binCount, out);
  } else scan(true, codes, probabilities, weights, counts, rowCount, totals, slack, binCount, out);
}

// @ts-ignore: a decorator of the compiler

function scan(
  isWeighted: bool,
  codes: usize,
  probabilities: usize,
  weights: usize,
  counts: usize,
  rowCount: i32,
  totals: usize,
  slack: usize,
  binCount: i32,
  out: usize,
): void {
  const none = f64x2.splat(0);
  const half = f64x2.splat(0.5);
  const one = f64x2.splat(1);
  const total = v128.load(totals);
  const clicks = v128.load(totals, 16);
  const slacks = v128.load(slack);
  let wins = none;
  let precisions = none;
  let calibration = none;
  let before = none;
  let clicksBefore = none;
  let all = none;
  let clicked = none;
  let bins = one;
  let binSum = none;
  let binClicks = none;
  let binEnd = f64x2.sub(f64x2.div(total, f64x2.splat(<f64> binCount)), slacks);
  for (let i = 0; i < rowCount; i++) {
    const code = load<u32>(codes + (<usize> i << 2));
    let weight = countsAt(counts, code >>> 2);
    if (isWeighted) weight = f64x2.mul(weight, v128.load64_splat(weights + (<usize> i << 3)));
    all = f64x2.add(all, weight);
    clicked = f64x2.add(clicked, f64x2.mul(weight, f64x2.splat(<f64> (code & 1))));
    if ((code & lastOfEqual) == 0) continue;
    const below = f64x2.add(f64x2.sub(before, clicksBefore), f64x2.mul(f64x2.sub(all, clicked), half));
    wins = f64x2.add(wins, f64x2.mul(clicked, below));
    const precision = f64x2.div(f64x2.sub(clicks, clicksBefore), f64x2.sub(total, before));
    // Without a click, the precision of nothing is no number.
    const found = f64x2.mul(clicked, f64x2.min(one, precision));
    precisions = f64x2.add(precisions, v128.and(found, f64x2.gt(clicked, none)));
    before = f64x2.add(before, all);
    clicksBefore = f64x2.add(clicksBefore, clicked);
    binSum = f64x2.add(binSum, f64x2.mul(all, v128.load64_splat(probabilities + (<usize> i << 3))));
    binClicks = f64x2.add(binClicks, clicked);
    all = none;
    clicked = none;
    const isEnd = f64x2.ge(before, binEnd);
    if (!v128.any_true(isEnd)) continue;
    const difference = f64x2.abs(f64x2.sub(binSum, binClicks));
    calibration = f64x2.add(calibration, v128.and(difference, isEnd));
    binSum = v128.andnot(binSum, isEnd);
    binClicks = v128.andnot(binClicks, isEnd);
    for (;;) {
      const isNext = v128.and(f64x2.ge(before, binEnd), f64x2.lt(bins, f64x2.splat(<f64> binCount)));
      if (!v128.any_true(isNext)) break;
      bins = f64x2.add(bins, v128.and(one, isNext));
      const end = f64x2.sub(f64x2.div(f64x2.mul(total, bins), f64x2.splat(<f64> binCount)), slacks);
      binEnd = v128.bitselect(end, binEnd, isNext);
    }
  }
  v128.store(out, wins);
  v128.store(out, precisions, 16);
  v128.store(out, f64x2.add(calibration, f64x2.abs(f64x2.sub(binSum, binClicks))), 32);
}
