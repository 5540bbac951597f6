/**
 * The loops of mini-batch training that tfjs has no kernel for, or a slow one, in AssemblyScript: a dense layer over codes,
 * Adam's update of one variable, a transposition. `deno task codes-kernel` compiles it to codes.wasm, which is committed next to it. It runs on the memory of
 * tfjs's wasm backend: addresses are those of tensors, in bytes. Numbers are f32, codes are i32.
 *
 * WebAssembly defines every result to the last bit, on every machine; each sum has one fixed order.
 */

/**
 * out[i, u] = bias[u] + Σⱼ numbers[i, j] · kernel[columns[j], u] + Σ kernel[codes[i, f], u], without codes that are not from 0
 * to columnCount − 1.
 */
export function forward(
  codes: usize,
  numbers: usize,
  columns: usize,
  kernel: usize,
  bias: usize,
  out: usize,
  rows: i32,
  codeCount: i32,
  numberCount: i32,
  columnCount: i32,
  units: i32,
): void {
  const stride = <usize> units << 2;
  const wide = <usize> (units & -16) << 2;
  const quads = <usize> (units & -4) << 2;
  const codeBytes = <usize> codeCount << 2;
  const numberBytes = <usize> numberCount << 2;
  for (let i = 0; i < rows; i++, codes += codeBytes, numbers += numberBytes, out += stride) {
    let u: usize = 0;
    for (; u < wide; u += 64) {
      let a = v128.load(bias + u);
      let b = v128.load(bias + u, 16);
      let c = v128.load(bias + u, 32);
      let d = v128.load(bias + u, 48);
      for (let j: usize = 0; j < numberBytes; j += 4) {
        const x = v128.load32_splat(numbers + j);
        const at = kernel + <usize> load<u32>(columns + j) * stride + u;
        a = f32x4.add(a, f32x4.mul(x, v128.load(at)));
        b = f32x4.add(b, f32x4.mul(x, v128.load(at, 16)));
        c = f32x4.add(c, f32x4.mul(x, v128.load(at, 32)));
        d = f32x4.add(d, f32x4.mul(x, v128.load(at, 48)));
      }
      for (let f: usize = 0; f < codeBytes; f += 4) {
        const code = load<u32>(codes + f);
        if (code >= <u32> columnCount) continue;
        const at = kernel + <usize> code * stride + u;
        a = f32x4.add(a, v128.load(at));
        b = f32x4.add(b, v128.load(at, 16));
        c = f32x4.add(c, v128.load(at, 32));
        d = f32x4.add(d, v128.load(at, 48));
      }
      v128.store(out + u, a);
      v128.store(out + u, b, 16);
      v128.store(out + u, c, 32);
      v128.store(out + u, d, 48);
    }
    for (; u < quads; u += 16) {
      let a = v128.load(bias + u);
      for (let j: usize = 0; j < numberBytes; j += 4) {
        const at = kernel + <usize> load<u32>(columns + j) * stride + u;
        a = f32x4.add(a, f32x4.mul(v128.load32_splat(numbers + j), v128.load(at)));
      }
      for (let f: usize = 0; f < codeBytes; f += 4) {
        const code = load<u32>(codes + f);
        if (code < <u32> columnCount) a = f32x4.add(a, v128.load(kernel + <usize> code * stride + u));
      }
      v128.store(out + u, a);
    }
    for (; u < stride; u += 4) {
      let a = load<f32>(bias + u);
      for (let j: usize = 0; j < numberBytes; j += 4) {
        const at = kernel + <usize> load<u32>(columns + j) * stride + u;
        a += load<f32>(numbers + j) * load<f32>(at);
      }
      for (let f: usize = 0; f < codeBytes; f += 4) {
        const code = load<u32>(codes + f);
        if (code < <u32> columnCount) a += load<f32>(kernel + <usize> code * stride + u);
      }
      store<f32>(out + u, a);
    }
  }
}

/** Adds x · slopes to a row of `units` sums. */
// @ts-ignore: a decorator of the compiler
@inline
function addScaled(sums: usize, x: f32, slopes: usize, quads: usize, stride: usize): void {
  const factor = f32x4.splat(x);
  let u: usize = 0;
  for (; u < quads; u += 16) {
    v128.store(sums + u, f32x4.add(v128.load(sums + u), f32x4.mul(factor, v128.load(slopes + u))));
  }
  for (; u < stride; u += 4) store<f32>(sums + u, load<f32>(sums + u) + x * load<f32>(slopes + u));
}

/** Adds slopes to a row of `units` sums. */
// @ts-ignore: a decorator of the compiler
@inline
function addRow(sums: usize, slopes: usize, quads: usize, stride: usize): void {
  let u: usize = 0;
  for (; u < quads; u += 16) {
    v128.store(sums + u, f32x4.add(v128.load(sums + u), v128.load(slopes + u)));
  }
  for (; u < stride; u += 4) store<f32>(sums + u, load<f32>(sums + u) + load<f32>(slopes + u));
}

/**
 * The gradient of `forward`: kernelSums[c, u] = Σᵢ x[i, c] · slopes[i, u], where x is the one-hot row, and
 * biasSums[u] = Σᵢ slopes[i, u].
 */
export function backward(
  codes: usize,
  numbers: usize,
  columns: usize,
  slopes: usize,
  kernelSums: usize,
  biasSums: usize,
  rows: i32,
  codeCount: i32,
  numberCount: i32,
  columnCount: i32,
  units: i32,
): void {
  const stride = <usize> units << 2;
  const quads = <usize> (units & -4) << 2;
  const codeBytes = <usize> codeCount << 2;
  const numberBytes = <usize> numberCount << 2;
  memory.fill(kernelSums, 0, <usize> columnCount * stride);
  memory.fill(biasSums, 0, stride);
  for (let i = 0; i < rows; i++, codes += codeBytes, numbers += numberBytes, slopes += stride) {
    addRow(biasSums, slopes, quads, stride);
    for (let j: usize = 0; j < numberBytes; j += 4) {
      const sums = kernelSums + <usize> load<u32>(columns + j) * stride;
      addScaled(sums, load<f32>(numbers + j), slopes, quads, stride);
    }
    for (let f: usize = 0; f < codeBytes; f += 4) {
      const code = load<u32>(codes + f);
      if (code < <u32> columnCount) addRow(kernelSums + <usize> code * stride, slopes, quads, stride);
    }
  }
}

/**
 * Adam's update of one variable, whose gradient is slopes + l2 · values: updates both moments in place, and writes the new
 * values to `out`.
 *
 * @param mean Decay of the first moment. @param square Decay of the second.
 * @param rate Learning rate, divided by the bias of the first moment. @param scale 1 / the bias of the second moment.
 */
export function adam(
  values: usize,
  slopes: usize,
  means: usize,
  squares: usize,
  out: usize,
  count: i32,
  l2: f32,
  mean: f32,
  square: f32,
  rate: f32,
  scale: f32,
  epsilon: f32,
): void {
  const end = <usize> count << 2;
  const quads = <usize> (count & -4) << 2;
  const l2s = f32x4.splat(l2);
  const newMean = f32x4.splat(<f32> 1 - mean);
  const newSquare = f32x4.splat(<f32> 1 - square);
  const rates = f32x4.splat(rate);
  const scales = f32x4.splat(scale);
  const epsilons = f32x4.splat(epsilon);
  let i: usize = 0;
  for (; i < quads; i += 16) {
    const value = v128.load(values + i);
    const slope = f32x4.add(v128.load(slopes + i), f32x4.mul(l2s, value));
    let m = v128.load(means + i);
    m = f32x4.add(m, f32x4.mul(newMean, f32x4.sub(slope, m)));
    v128.store(means + i, m);
    let v = v128.load(squares + i);
    v = f32x4.add(v, f32x4.mul(newSquare, f32x4.sub(f32x4.mul(slope, slope), v)));
    v128.store(squares + i, v);
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v, scales)), epsilons);
    v128.store(out + i, f32x4.sub(value, f32x4.div(f32x4.mul(rates, m), root)));
  }
  for (; i < end; i += 4) {
    const value = load<f32>(values + i);
    const slope = load<f32>(slopes + i) + l2 * value;
    let m = load<f32>(means + i);
    m += (<f32> 1 - mean) * (slope - m);
    store<f32>(means + i, m);
    let v = load<f32>(squares + i);
    v += (<f32> 1 - square) * (slope * slope - v);
    store<f32>(squares + i, v);
    store<f32>(out + i, value - rate * m / (sqrt<f32>(v * scale) + epsilon));
  }
}

/** out[c, r] = values[r, c]. In tiles of 64 rows, whose cache lines are used for 16 columns. */
export function transpose(values: usize, out: usize, rows: i32, columns: i32): void {
  const stride = <usize> columns << 2;
  const outStride = <usize> rows << 2;
  const quadRows = rows & -4;
  const quadColumns = columns & -4;
  for (let tile = 0; tile < rows; tile += 64) {
    const end = min(tile + 64, rows);
    const quadEnd = min(tile + 64, quadRows);
    for (let c = 0; c < quadColumns; c += 4) {
      let r = tile;
      for (; r < quadEnd; r += 4) {
        const from = values + <usize> r * stride + (<usize> c << 2);
        const a = v128.load(from);
        const b = v128.load(from + stride);
        const d = v128.load(from + 2 * stride);
        const e = v128.load(from + 3 * stride);
        const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
        const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
        const de = v128.shuffle<f32>(d, e, 0, 4, 1, 5);
        const deHigh = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
        const to = out + <usize> c * outStride + (<usize> r << 2);
        v128.store(to, v128.shuffle<f32>(ab, de, 0, 1, 4, 5));
        v128.store(to + outStride, v128.shuffle<f32>(ab, de, 2, 3, 6, 7));
        v128.store(to + 2 * outStride, v128.shuffle<f32>(abHigh, deHigh, 0, 1, 4, 5));
        v128.store(to + 3 * outStride, v128.shuffle<f32>(abHigh, deHigh, 2, 3, 6, 7));
      }
      for (; r < end; r++) copyRow(values, out, r, c, c + 4, stride, outStride);
    }
    for (let r = tile; r < end; r++) copyRow(values, out, r, quadColumns, columns, stride, outStride);
  }
}

/** Copies the columns from `c` to `end` of row `r` to a column. */
// @ts-ignore: a decorator of the compiler
@inline
function copyRow(values: usize, out: usize, r: i32, c: i32, end: i32, stride: usize, outStride: usize): void {
  for (; c < end; c++) {
    const value = load<f32>(values + <usize> r * stride + (<usize> c << 2));
    store<f32>(out + <usize> c * outStride + (<usize> r << 2), value);
  }
}
