/**
 * The innermost loops of a pass over rows, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task kernel`
 * compiles it to rows.wasm, which is committed next to it. Its only caller is pipeline/fit/row_kernel.ts, and
 * kernel_memory.ts allocates the memory.
 *
 * WebAssembly defines every result to the last bit, on every machine. Addresses come from the caller, in bytes. Rows are
 * consecutive, numbers are f64, and every array of rows has space for one more row, since rows are processed in pairs.
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
 * Returns e^x of two numbers in [−700, 0]. With x = (k / 64) · ln 2 + r and |r| ≤ ln 2 / 128 it is 2^(k / 64) · e^r: the
 * first factor comes from a table, the second from its Taylor series, whose error is below half a unit in the last place.
 *
 * @param powers 2^0, 2^(1 / 64), …, 2^(63 / 64).
 * @see Tang, Table-Driven Implementation of the Exponential Function in IEEE Floating-Point Arithmetic (1989).
 */
// @ts-ignore: a decorator of the compiler
@inline
function exp(x: v128, powers: usize): v128 {
  // Adding 1.5 · 2^52 rounds to an integer, which is then in the low bits of the sum.
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
  // The integer part of k / 64 is added to the exponent of the table's number.
  const power = i64x2.add(table, i64x2.shl(i64x2.shr_u(shifted, 6), 52));
  return f64x2.add(power, f64x2.mul(power, above1));
}

/**
 * Computes residuals (probability minus label) and curvatures p · (1 − p) of rows from their log-odds η and labels.
 *
 * With z = −η for a click and η otherwise, a row's loss is log(1 + e^−|z|) + max(z, 0), which cannot overflow. Instead of the
 * logarithms, the product of their arguments is returned, each in (1, 2]: the caller passes at most 1,000 even rows at a time.
 *
 * @param powers As for `exp`.
 * @param odds Output: e^−|z|.
 * @param sums Output: the two products of 1 + e^−|z| and the two sums of max(z, 0), of even and odd rows.
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
    // Padding row: its e^−|z| is 0.
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
    // The sign bit of a click.
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

/** Loads the numbers at two addresses into one vector: one column of two rows. */
// @ts-ignore: a decorator of the compiler
@inline
function pair(first: usize, second: usize): v128 {
  return v128.load64_lane(second, v128.load64_zero(first), 1);
}

/** Adds both numbers of a vector to the number at an address. */
// @ts-ignore: a decorator of the compiler
@inline
function addBoth(to: usize, values: v128): void {
  store<f64>(to, load<f64>(to) + (f64x2.extract_lane(values, 0) + f64x2.extract_lane(values, 1)));
}

/**
 * sums[j] += Σᵢ factors[i] · numeric[i, j]. Processes four columns at a time, and the remaining ones two rows at a time; the
 * factor of a padding row is 0.
 */
export function addProducts(sums: usize, numeric: usize, width: i32, factors: usize, count: i32): void {
  const rowBytes = <usize> width << 3;
  let a: usize = 0;
  for (; a + 32 <= rowBytes; a += 32) {
    let first = f64x2.splat(0);
    let second = f64x2.splat(0);
    let at = numeric + a;
    for (let i = 0; i < count; i++, at += rowBytes) {
      const factor = v128.load64_splat(factors + (<usize> i << 3));
      first = f64x2.add(first, f64x2.mul(factor, v128.load(at)));
      second = f64x2.add(second, f64x2.mul(factor, v128.load(at, 16)));
    }
    const to = sums + a;
    v128.store(to, f64x2.add(v128.load(to), first));
    v128.store(to, f64x2.add(v128.load(to, 16), second), 16);
  }
  if (a === rowBytes) return;
  // Beyond the last column, the last one is loaded again and not used.
  const b = min(a + 8, rowBytes - 8);
  const c = min(a + 16, rowBytes - 8);
  let sumA = f64x2.splat(0);
  let sumB = f64x2.splat(0);
  let sumC = f64x2.splat(0);
  let row = numeric;
  for (let i = 0; i < count; i += 2, row += 2 * rowBytes) {
    const next = row + rowBytes;
    const factor = v128.load(factors + (<usize> i << 3));
    sumA = f64x2.add(sumA, f64x2.mul(factor, pair(row + a, next + a)));
    sumB = f64x2.add(sumB, f64x2.mul(factor, pair(row + b, next + b)));
    sumC = f64x2.add(sumC, f64x2.mul(factor, pair(row + c, next + c)));
  }
  addBoth(sums + a, sumA);
  if (b > a) addBoth(sums + b, sumB);
  if (c > b) addBoth(sums + c, sumC);
}

/**
 * Adds a row's residual, curvature, and curvature times each of its numbers to the sums of its cell.
 *
 * @param to Address of the cell's sums, shape (2 + width).
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

/**
 * sums[j · (j + 1) / 2 + l] += Σᵢ curvatures[i] · numeric[i, j] · numeric[i, l], l ≤ j: a lower triangle, row by row.
 * Processes blocks of three by three columns, and rows as `addProducts` does.
 */
export function addSquares(sums: usize, numeric: usize, width: i32, curvatures: usize, count: i32): void {
  const rowBytes = <usize> width << 3;
  for (let a: usize = 0; a < rowBytes; a += 24) {
    for (let l: usize = 0; l < a; l += 24) addRectangle(sums, numeric, rowBytes, a, l, curvatures, count);
    addTriangle(sums, numeric, rowBytes, a, curvatures, count);
  }
}

/** Returns the address of a column's row of sums. @param column The column's offset in a row, in bytes. */
// @ts-ignore: a decorator of the compiler
@inline
function triangleRow(sums: usize, column: usize): usize {
  const j = column >> 3;
  return sums + ((j * (j + 1)) << 2);
}

/** Adds the products of the three columns from a with each other. */
function addTriangle(sums: usize, numeric: usize, rowBytes: usize, a: usize, curvatures: usize, count: i32): void {
  const b = min(a + 8, rowBytes - 8);
  const c = min(a + 16, rowBytes - 8);
  let aa = f64x2.splat(0);
  let ba = f64x2.splat(0);
  let bb = f64x2.splat(0);
  let ca = f64x2.splat(0);
  let cb = f64x2.splat(0);
  let cc = f64x2.splat(0);
  let row = numeric;
  for (let i = 0; i < count; i += 2, row += 2 * rowBytes) {
    const next = row + rowBytes;
    const curvature = v128.load(curvatures + (<usize> i << 3));
    const valueA = pair(row + a, next + a);
    const valueB = pair(row + b, next + b);
    const valueC = pair(row + c, next + c);
    const weightedB = f64x2.mul(curvature, valueB);
    const weightedC = f64x2.mul(curvature, valueC);
    aa = f64x2.add(aa, f64x2.mul(f64x2.mul(curvature, valueA), valueA));
    ba = f64x2.add(ba, f64x2.mul(weightedB, valueA));
    bb = f64x2.add(bb, f64x2.mul(weightedB, valueB));
    ca = f64x2.add(ca, f64x2.mul(weightedC, valueA));
    cb = f64x2.add(cb, f64x2.mul(weightedC, valueB));
    cc = f64x2.add(cc, f64x2.mul(weightedC, valueC));
  }
  addBoth(triangleRow(sums, a) + a, aa);
  if (b > a) {
    addBoth(triangleRow(sums, b) + a, ba);
    addBoth(triangleRow(sums, b) + b, bb);
  }
  if (c > b) {
    addBoth(triangleRow(sums, c) + a, ca);
    addBoth(triangleRow(sums, c) + b, cb);
    addBoth(triangleRow(sums, c) + c, cc);
  }
}

/** Adds the products of the three columns from a with the three from l, which come before them. */
function addRectangle(
  sums: usize,
  numeric: usize,
  rowBytes: usize,
  a: usize,
  l: usize,
  curvatures: usize,
  count: i32,
): void {
  const b = min(a + 8, rowBytes - 8);
  const c = min(a + 16, rowBytes - 8);
  let a0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let a2 = f64x2.splat(0);
  let b0 = f64x2.splat(0);
  let b1 = f64x2.splat(0);
  let b2 = f64x2.splat(0);
  let c0 = f64x2.splat(0);
  let c1 = f64x2.splat(0);
  let c2 = f64x2.splat(0);
  let row = numeric;
  for (let i = 0; i < count; i += 2, row += 2 * rowBytes) {
    const next = row + rowBytes;
    const curvature = v128.load(curvatures + (<usize> i << 3));
    const value0 = pair(row + l, next + l);
    const value1 = pair(row + l + 8, next + l + 8);
    const value2 = pair(row + l + 16, next + l + 16);
    const weightedA = f64x2.mul(curvature, pair(row + a, next + a));
    a0 = f64x2.add(a0, f64x2.mul(weightedA, value0));
    a1 = f64x2.add(a1, f64x2.mul(weightedA, value1));
    a2 = f64x2.add(a2, f64x2.mul(weightedA, value2));
    const weightedB = f64x2.mul(curvature, pair(row + b, next + b));
    b0 = f64x2.add(b0, f64x2.mul(weightedB, value0));
    b1 = f64x2.add(b1, f64x2.mul(weightedB, value1));
    b2 = f64x2.add(b2, f64x2.mul(weightedB, value2));
    const weightedC = f64x2.mul(curvature, pair(row + c, next + c));
    c0 = f64x2.add(c0, f64x2.mul(weightedC, value0));
    c1 = f64x2.add(c1, f64x2.mul(weightedC, value1));
    c2 = f64x2.add(c2, f64x2.mul(weightedC, value2));
  }
  addThree(triangleRow(sums, a) + l, a0, a1, a2);
  if (b > a) addThree(triangleRow(sums, b) + l, b0, b1, b2);
  if (c > b) addThree(triangleRow(sums, c) + l, c0, c1, c2);
}

// @ts-ignore: a decorator of the compiler
@inline
function addThree(to: usize, first: v128, second: v128, third: v128): void {
  addBoth(to, first);
  addBoth(to + 8, second);
  addBoth(to + 16, third);
}

/** sums[first[i] · columns + second[i]] += values[i]: a table over pairs of cells, with codes of 2 or 4 bytes each. */
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

/**
 * Adds each row's curvature to the Hessian entries of its columns: of the columns in which it has a 1, including the
 * intercept, with each other and with the numeric ones.
 *
 * @param hessian Lower triangle, row by row, over all columns and the intercept.
 * @param groups Per group four i32: addresses of the rows' codes and of the table of columns, shape (cells, fields) of i32
 *   with −1 for none; bytes per code; fields.
 * @param numericColumns Shape (width), i32.
 * @param own Scratch space for the columns of a row, i32.
 */
export function addColumnPairs(
  hessian: usize,
  groups: usize,
  groupCount: i32,
  numeric: usize,
  numericColumns: usize,
  width: i32,
  intercept: i32,
  own: usize,
  curvatures: usize,
  count: i32,
): void {
  store<i32>(own, intercept);
  for (let i = 0; i < count; i++) {
    let end = own + 4;
    for (let g = 0; g < groupCount; g++) {
      const group = groups + (<usize> g << 4);
      const codes = <usize> load<u32>(group);
      const fields = <usize> load<u32>(group, 12);
      const code = load<u32>(group, 8) === 2
        ? <usize> load<u16>(codes + (<usize> i << 1))
        : <usize> load<u32>(codes + (<usize> i << 2));
      const columns = <usize> load<u32>(group, 4) + ((code * fields) << 2);
      for (let f: usize = 0; f < fields; f++) {
        const column = load<i32>(columns + (f << 2));
        store<i32>(end, column);
        end += column < 0 ? 0 : 4;
      }
    }
    const curvature = load<f64>(curvatures + (<usize> i << 3));
    const row = numeric + ((<usize> i * <usize> width) << 3);
    for (let a = own; a < end; a += 4) {
      const column = load<i32>(a);
      for (let b = own; b <= a; b += 4) addEntry(hessian, column, load<i32>(b), curvature);
      for (let j: usize = 0; j < <usize> width; j++) {
        addEntry(hessian, column, load<i32>(numericColumns + (j << 2)), curvature * load<f64>(row + (j << 3)));
      }
    }
  }
}

// @ts-ignore: a decorator of the compiler
@inline
function addEntry(hessian: usize, first: i32, second: i32, value: f64): void {
  const a = <usize> max(first, second);
  const b = <usize> min(first, second);
  const at = hessian + ((((a * (a + 1)) >> 1) + b) << 3);
  store<f64>(at, load<f64>(at) + value);
}
