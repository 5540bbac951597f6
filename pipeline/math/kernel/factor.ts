/**
 * The LDLᵀ factorisation of a large matrix, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task factor-kernel`
 * compiles it to factor.wasm, which is committed next to it. Its only caller is pipeline/math/large_factor.ts.
 *
 * It adds the same products in the same order as the loop of cholesky.ts, so that each number has the same bits. It is faster since
 * eight rows are computed together, for which a row above them is read once. Addresses are in bytes.
 */

const blockRows = 8;

/**
 * @param L The lower triangle of A, row by row; replaced by L, the diagonal by what remains of it.
 * @param pivots Overwritten, shape (size).
 * @param scaled Space for eight rows.
 * @param share A pivot at most this share of its diagonal entry is 0.
 */
export function factorise(
  L: usize,
  pivots: usize,
  scaled: usize,
  size: i32,
  rowBytes: usize,
  share: f64,
): void {
  for (let start = 0; start < size; start += blockRows) {
    const count = min(blockRows, size - start);
    const block = L + <usize> start * rowBytes;
    for (let j = 0; j < start; j++) {
      const pivot = load<f64>(pivots + (<usize> j << 3));
      const row = L + <usize> j * rowBytes;
      let r = 0;
      for (; r + 4 <= count; r += 4) {
        const skipped = <usize> r * rowBytes;
        addFour(block + skipped, scaled + skipped, row, j, rowBytes, pivot);
      }
      for (; r < count; r++) {
        const skipped = <usize> r * rowBytes;
        const sum = remainder(block + skipped, scaled + skipped, row, j);
        store<f64>(scaled + skipped + (<usize> j << 3), sum);
        store<f64>(block + skipped + (<usize> j << 3), quotient(sum, pivot));
      }
    }
    for (let r = 0; r < count; r++) {
      const own = block + <usize> r * rowBytes;
      const ownScaled = scaled + <usize> r * rowBytes;
      for (let j = start; j < start + r; j++) {
        const sum = remainder(own, ownScaled, L + <usize> j * rowBytes, j);
        store<f64>(ownScaled + (<usize> j << 3), sum);
        store<f64>(own + (<usize> j << 3), quotient(sum, load<f64>(pivots + (<usize> j << 3))));
      }
      const i = start + r;
      const diagonal = load<f64>(own + (<usize> i << 3));
      const sum = remainder(own, ownScaled, own, i);
      store<f64>(own + (<usize> i << 3), sum);
      store<f64>(pivots + (<usize> i << 3), sum > share * diagonal ? sum : 0);
    }
  }
}

// @ts-ignore: a decorator of the compiler
@inline
function quotient(sum: f64, pivot: f64): f64 {
  return pivot == 0 ? 0 : sum / pivot;
}

/** Returns own[j] − Σ scaled[k] · row[k] for k < j, by four independent sums. */
function remainder(own: usize, scaled: usize, row: usize, j: i32): f64 {
  const end = <usize> (j & -4) << 3;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let k: usize = 0; k < end; k += 32) {
    low = f64x2.add(low, f64x2.mul(v128.load(scaled + k), v128.load(row + k)));
    high = f64x2.add(high, f64x2.mul(v128.load(scaled + k, 16), v128.load(row + k, 16)));
  }
  return load<f64>(own + (<usize> j << 3)) - total(low, high, scaled, row, end, <usize> j << 3);
}

// @ts-ignore: a decorator of the compiler
@inline
function total(low: v128, high: v128, scaled: usize, row: usize, from: usize, to: usize): f64 {
  let first = f64x2.extract_lane(low, 0);
  for (let k = from; k < to; k += 8) first += load<f64>(scaled + k) * load<f64>(row + k);
  return first + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1));
}

/** Computes column j of four consecutive rows. */
function addFour(own: usize, scaled: usize, row: usize, j: i32, rowBytes: usize, pivot: f64): void {
  const end = <usize> (j & -4) << 3;
  const at = <usize> j << 3;
  const scaled1 = scaled + rowBytes;
  const scaled2 = scaled1 + rowBytes;
  const scaled3 = scaled2 + rowBytes;
  let low0 = f64x2.splat(0);
  let high0 = f64x2.splat(0);
  let low1 = f64x2.splat(0);
  let high1 = f64x2.splat(0);
  let low2 = f64x2.splat(0);
  let high2 = f64x2.splat(0);
  let low3 = f64x2.splat(0);
  let high3 = f64x2.splat(0);
  for (let k: usize = 0; k < end; k += 32) {
    const low = v128.load(row + k);
    const high = v128.load(row + k, 16);
    low0 = f64x2.add(low0, f64x2.mul(v128.load(scaled + k), low));
    high0 = f64x2.add(high0, f64x2.mul(v128.load(scaled + k, 16), high));
    low1 = f64x2.add(low1, f64x2.mul(v128.load(scaled1 + k), low));
    high1 = f64x2.add(high1, f64x2.mul(v128.load(scaled1 + k, 16), high));
    low2 = f64x2.add(low2, f64x2.mul(v128.load(scaled2 + k), low));
    high2 = f64x2.add(high2, f64x2.mul(v128.load(scaled2 + k, 16), high));
    low3 = f64x2.add(low3, f64x2.mul(v128.load(scaled3 + k), low));
    high3 = f64x2.add(high3, f64x2.mul(v128.load(scaled3 + k, 16), high));
  }
  storeEntry(own, scaled, at, total(low0, high0, scaled, row, end, at), pivot);
  storeEntry(own + rowBytes, scaled1, at, total(low1, high1, scaled1, row, end, at), pivot);
  storeEntry(own + 2 * rowBytes, scaled2, at, total(low2, high2, scaled2, row, end, at), pivot);
  storeEntry(own + 3 * rowBytes, scaled3, at, total(low3, high3, scaled3, row, end, at), pivot);
}

// @ts-ignore: a decorator of the compiler
@inline
function storeEntry(own: usize, scaled: usize, at: usize, product: f64, pivot: f64): void {
  const sum = load<f64>(own + at) - product;
  store<f64>(scaled + at, sum);
  store<f64>(own + at, quotient(sum, pivot));
}
