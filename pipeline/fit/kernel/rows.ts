/**
 * The innermost loops of a pass over rows, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task kernel`
 * compiles it to rows.wasm, which is committed beside it; pipeline/fit/row_kernel.ts is its only caller and owns the memory.
 *
 * WebAssembly fixes every result to the last bit, on every machine. Loads and stores are of the caller's addresses, in
 * bytes: rows are consecutive, numbers are f64, and every array of rows has room for one more, since two go at a time.
 */

/** out[i] += table[codes[i]], codes of 2 bytes. */
export function addCells16(out: usize, codes: usize, table: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const at = out + (<usize> i << 3);
    store<f64>(at, load<f64>(at) + load<f64>(table + (<usize> load<u16>(codes + (<usize> i << 1)) << 3)));
  }
}

/** out[i] += table[codes[i]], codes of 4 bytes. */
export function addCells32(out: usize, codes: usize, table: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const at = out + (<usize> i << 3);
    store<f64>(at, load<f64>(at) + load<f64>(table + (<usize> load<u32>(codes + (<usize> i << 2)) << 3)));
  }
}

/** out[i] = base + Σⱼ numeric[i, j] · coefficients[j]. */
export function linear(out: usize, base: f64, numeric: usize, width: i32, coefficients: usize, count: i32): void {
  const rowBytes = <usize> width << 3;
  const pairBytes = <usize> (width & -2) << 3;
  const bases = f64x2.splat(base);
  let row = numeric;
  for (let i = 0; i < count; i += 2, row += 2 * rowBytes) {
    const next = row + rowBytes;
    let sums = f64x2.splat(0);
    let nextSums = f64x2.splat(0);
    for (let j: usize = 0; j < pairBytes; j += 16) {
      const factors = v128.load(coefficients + j);
      sums = f64x2.add(sums, f64x2.mul(v128.load(row + j), factors));
      nextSums = f64x2.add(nextSums, f64x2.mul(v128.load(next + j), factors));
    }
    let both = f64x2.add(
      v128.shuffle<f64>(sums, nextSums, 0, 2),
      v128.shuffle<f64>(sums, nextSums, 1, 3),
    );
    if (width & 1) {
      const last = v128.load64_lane(next + pairBytes, v128.load64_zero(row + pairBytes), 1);
      both = f64x2.add(both, f64x2.mul(last, v128.load64_splat(coefficients + pairBytes)));
    }
    v128.store(out + (<usize> i << 3), f64x2.add(bases, both));
  }
}

/**
 * e^x of two numbers in [−700, 0]. With x = (k / 64) · ln 2 + r and |r| ≤ ln 2 / 128 it is 2^(k / 64) · e^r: the first from
 * a table, and of e^r its Taylor series, whose rest is below half a unit in the last place.
 *
 * @param powers 2^0, 2^(1 / 64), …, 2^(63 / 64).
 * @see Tang, Table-Driven Implementation of the Exponential Function in IEEE Floating-Point Arithmetic (1989).
 */
// @ts-ignore: a decorator of the compiler
@inline
function exp(x: v128, powers: usize): v128 {
  // Adding 1.5 · 2^52 rounds to a whole number, which then is the low bits of the sum.
  const rounder = f64x2.splat(6755399441055744.0);
  const shifted = f64x2.add(f64x2.mul(x, f64x2.splat(92.33248261893577)), rounder);
  const k = f64x2.sub(shifted, rounder);
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238 / 64)));
  const r = f64x2.sub(high, f64x2.mul(k, f64x2.splat(1.9082149292705877e-10 / 64)));
  const r2 = f64x2.mul(r, r);
  const p23 = f64x2.add(f64x2.splat(1.0 / 2.0), f64x2.mul(r, f64x2.splat(1.0 / 6.0)));
  const p45 = f64x2.add(f64x2.splat(1.0 / 24.0), f64x2.mul(r, f64x2.splat(1.0 / 120.0)));
  const above1 = f64x2.add(r, f64x2.mul(r2, f64x2.add(p23, f64x2.mul(r2, p45))));
  const first = <usize> (i64x2.extract_lane(shifted, 0) & 63) << 3;
  const second = <usize> (i64x2.extract_lane(shifted, 1) & 63) << 3;
  const table = v128.load64_lane(powers + second, v128.load64_zero(powers + first), 1);
  // The table's number with the whole part of k / 64 added to its exponent.
  const power = i64x2.add(table, i64x2.shl(i64x2.shr_u(shifted, 6), 52));
  return f64x2.add(power, f64x2.mul(power, above1));
}

/**
 * Residuals (probability less label) and curvatures p · (1 − p) of rows from their log-odds η and labels.
 *
 * With z = η where there was no click and −η where there was one, a row's loss is log(1 + e^−|z|) + max(z, 0), so that
 * nothing overflows. Of the logarithms the product of their arguments is left, in (1, 2] each: the caller takes at most
 * 1,000 even rows at a time.
 *
 * @param powers As `exp` takes them.
 * @param odds Where e^−|z| is left.
 * @param sums Where the two products of 1 + e^−|z| and the two sums of max(z, 0) are left.
 */
export function residuals(
  logits: usize,
  labels: usize,
  powers: usize,
  residuals: usize,
  curvatures: usize,
  odds: usize,
  sums: usize,
  count: i32,
): void {
  if (count & 1) {
    // A row that is not there: its e^−|z| is 0.
    store<f64>(logits + (<usize> count << 3), -1e9);
    store<u8>(labels + <usize> count, 0);
  }
  const one = f64x2.splat(1);
  const zero = f64x2.splat(0);
  const sign = f64x2.splat(-0.0);
  const least = f64x2.splat(-700.0);
  let product = one;
  let maxima = zero;
  for (let i = 0; i < count; i += 2) {
    const at = <usize> i << 3;
    // A click's sign bit.
    const label = i64x2.shl(v128.load8_lane(labels + <usize> i, v128.load8_lane(labels + <usize> i, zero, 0), 8, 1), 63);
    const z = v128.xor(v128.load(logits + at), label);
    const away = v128.or(z, sign);
    const e = v128.and(exp(f64x2.pmax(least, away), powers), f64x2.ge(away, least));
    const onePlus = f64x2.add(one, e);
    const share = f64x2.div(one, onePlus);
    const eShare = f64x2.mul(e, share);
    const part = v128.bitselect(eShare, share, f64x2.lt(z, zero));
    maxima = f64x2.add(maxima, f64x2.pmax(zero, z));
    product = f64x2.mul(product, onePlus);
    v128.store(residuals + at, v128.xor(part, label));
    v128.store(curvatures + at, f64x2.mul(eShare, share));
    v128.store(odds + at, e);
  }
  v128.store(sums, product);
  v128.store(sums, maxima, 16);
}

/** values[i] *= factors[i]. */
export function scale(values: usize, factors: usize, count: i32): void {
  for (let i = 0; i < count; i += 2) {
    const at = <usize> i << 3;
    v128.store(values + at, f64x2.mul(v128.load(values + at), v128.load(factors + at)));
  }
}

/** Σ values[i]. */
export function total(values: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += load<f64>(values + (<usize> i << 3));
  return sum;
}

/** sums[codes[i]] += values[i], codes of 2 bytes. */
export function scatter16(sums: usize, codes: usize, values: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const at = sums + (<usize> load<u16>(codes + (<usize> i << 1)) << 3);
    store<f64>(at, load<f64>(at) + load<f64>(values + (<usize> i << 3)));
  }
}

/** sums[codes[i]] += values[i], codes of 4 bytes. */
export function scatter32(sums: usize, codes: usize, values: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const at = sums + (<usize> load<u32>(codes + (<usize> i << 2)) << 3);
    store<f64>(at, load<f64>(at) + load<f64>(values + (<usize> i << 3)));
  }
}

/** sums[j] += Σᵢ factors[i] · numeric[i, j]. */
export function addProducts(sums: usize, numeric: usize, width: i32, factors: usize, count: i32): void {
  const rowBytes = <usize> width << 3;
  let j = 0;
  for (; j + 4 <= width; j += 4) {
    let first = f64x2.splat(0);
    let second = f64x2.splat(0);
    let at = numeric + (<usize> j << 3);
    for (let i = 0; i < count; i++, at += rowBytes) {
      const factor = v128.load64_splat(factors + (<usize> i << 3));
      first = f64x2.add(first, f64x2.mul(factor, v128.load(at)));
      second = f64x2.add(second, f64x2.mul(factor, v128.load(at, 16)));
    }
    const to = sums + (<usize> j << 3);
    v128.store(to, f64x2.add(v128.load(to), first));
    v128.store(to, f64x2.add(v128.load(to, 16), second), 16);
  }
  for (; j < width; j++) {
    let sum: f64 = 0;
    let at = numeric + (<usize> j << 3);
    for (let i = 0; i < count; i++, at += rowBytes) sum += load<f64>(factors + (<usize> i << 3)) * load<f64>(at);
    const to = sums + (<usize> j << 3);
    store<f64>(to, load<f64>(to) + sum);
  }
}

/**
 * For each row's cell: residual, curvature, and curvature times each number of the row.
 *
 * @param sums Shape (cells, 2 + width).
 * @param code The cell, where `codes` is 0: all rows are in one.
 */
// @ts-ignore: a decorator of the compiler
@inline
function addCellRow(to: usize, numeric: usize, width: i32, residual: f64, curvature: f64): void {
  store<f64>(to, load<f64>(to) + residual);
  store<f64>(to, load<f64>(to, 8) + curvature, 8);
  const factor = f64x2.splat(curvature);
  let j = 0;
  for (; j + 2 <= width; j += 2) {
    const offset = <usize> j << 3;
    v128.store(
      to + offset,
      f64x2.add(v128.load(to + offset, 16), f64x2.mul(factor, v128.load(numeric + offset))),
      16,
    );
  }
  if (j < width) {
    const offset = <usize> j << 3;
    store<f64>(to + offset, load<f64>(to + offset, 16) + curvature * load<f64>(numeric + offset), 16);
  }
}

export function addCellRows16(
  sums: usize,
  codes: usize,
  numeric: usize,
  width: i32,
  residuals: usize,
  curvatures: usize,
  count: i32,
): void {
  const cellBytes = <usize> (width + 2) << 3;
  const rowBytes = <usize> width << 3;
  for (let i = 0; i < count; i++) {
    const to = sums + <usize> load<u16>(codes + (<usize> i << 1)) * cellBytes;
    const at = <usize> i << 3;
    addCellRow(to, numeric + <usize> i * rowBytes, width, load<f64>(residuals + at), load<f64>(curvatures + at));
  }
}

export function addCellRows32(
  sums: usize,
  codes: usize,
  numeric: usize,
  width: i32,
  residuals: usize,
  curvatures: usize,
  count: i32,
): void {
  const cellBytes = <usize> (width + 2) << 3;
  const rowBytes = <usize> width << 3;
  for (let i = 0; i < count; i++) {
    const to = sums + <usize> load<u32>(codes + (<usize> i << 2)) * cellBytes;
    const at = <usize> i << 3;
    addCellRow(to, numeric + <usize> i * rowBytes, width, load<f64>(residuals + at), load<f64>(curvatures + at));
  }
}

/** sums[j · (j + 1) / 2 + l] += Σᵢ curvatures[i] · numeric[i, j] · numeric[i, l], l ≤ j: a lower triangle, row by row. */
export function addSquares(sums: usize, numeric: usize, width: i32, curvatures: usize, count: i32): void {
  const rowBytes = <usize> width << 3;
  let to = sums;
  for (let j = 0; j < width; j++) {
    const own = <usize> j << 3;
    let l = 0;
    for (; l + 4 <= j + 1; l += 4) {
      let first = f64x2.splat(0);
      let second = f64x2.splat(0);
      const offset = <usize> l << 3;
      let row = numeric;
      for (let i = 0; i < count; i++, row += rowBytes) {
        const factor = f64x2.mul(v128.load64_splat(curvatures + (<usize> i << 3)), v128.load64_splat(row + own));
        first = f64x2.add(first, f64x2.mul(factor, v128.load(row + offset)));
        second = f64x2.add(second, f64x2.mul(factor, v128.load(row + offset, 16)));
      }
      v128.store(to, f64x2.add(v128.load(to), first));
      v128.store(to, f64x2.add(v128.load(to, 16), second), 16);
      to += 32;
    }
    for (; l + 2 <= j + 1; l += 2) {
      let sum = f64x2.splat(0);
      const offset = <usize> l << 3;
      let row = numeric;
      for (let i = 0; i < count; i++, row += rowBytes) {
        const factor = f64x2.mul(v128.load64_splat(curvatures + (<usize> i << 3)), v128.load64_splat(row + own));
        sum = f64x2.add(sum, f64x2.mul(factor, v128.load(row + offset)));
      }
      v128.store(to, f64x2.add(v128.load(to), sum));
      to += 16;
    }
    if (l <= j) {
      let sum: f64 = 0;
      const offset = <usize> l << 3;
      let row = numeric;
      for (let i = 0; i < count; i++, row += rowBytes) {
        sum += load<f64>(curvatures + (<usize> i << 3)) * load<f64>(row + own) * load<f64>(row + offset);
      }
      store<f64>(to, load<f64>(to) + sum);
      to += 8;
    }
  }
}

/** A row's place in a table over pairs of cells: first[i] · columns + second[i], codes of 2 or 4 bytes each. */
export function addPairs(
  sums: usize,
  first: usize,
  firstBytes: i32,
  second: usize,
  secondBytes: i32,
  columns: i32,
  values: usize,
  count: i32,
): void {
  for (let i = 0; i < count; i++) {
    const row = firstBytes == 2 ? <usize> load<u16>(first + (<usize> i << 1)) : <usize> load<u32>(first + (<usize> i << 2));
    const column = secondBytes == 2
      ? <usize> load<u16>(second + (<usize> i << 1))
      : <usize> load<u32>(second + (<usize> i << 2));
    const at = sums + ((row * <usize> columns + column) << 3);
    store<f64>(at, load<f64>(at) + load<f64>(values + (<usize> i << 3)));
  }
}
