import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CodeKernels } from "./code_kernels.ts";

const { fround, sqrt } = Math;

/** Creates the kernels of the cpu backend: the loops of kernel/codes.ts in JavaScript, with the same roundings. */
export function createCpuKernels(backend: MathBackendCPU): CodeKernels {
  const numbersOf = ({ dataId }: TensorInfo) => typed(backend.readSync(dataId), Float32Array);
  const codesOf = ({ dataId }: TensorInfo) => typed(backend.readSync(dataId), Int32Array);
  const tensorOf = (shape: number[], values: Float32Array) =>
    backend.makeTensorInfo(shape, "float32", values);
  return {
    forward({ codes, numbers, columns }, kernel, bias) {
      const [rowCount, codeCount] = codes.shape;
      const [columnCount, units] = kernel.shape;
      const out = new Float32Array(rowCount * units);
      const weights = numbersOf(kernel);
      const biases = numbersOf(bias);
      const entries = { codes: codesOf(codes), numbers: numbersOf(numbers), columns: codesOf(columns) };
      for (let row = 0; row < rowCount; row++) {
        const sums = out.subarray(row * units, (row + 1) * units);
        sums.set(biases);
        forEntries(entries, row, codeCount, columnCount, (column, value) => {
          const at = column * units;
          for (let u = 0; u < units; u++) sums[u] += fround(value * weights[at + u]);
        });
      }
      return tensorOf([rowCount, units], out);
    },
    backward({ codes, numbers, columns }, slopes, columnCount) {
      const [rowCount, codeCount] = codes.shape;
      const units = slopes.shape[1];
      const kernel = new Float32Array(columnCount * units);
      const bias = new Float32Array(units);
      const all = numbersOf(slopes);
      const entries = { codes: codesOf(codes), numbers: numbersOf(numbers), columns: codesOf(columns) };
      for (let row = 0; row < rowCount; row++) {
        const ofRow = all.subarray(row * units, (row + 1) * units);
        for (let u = 0; u < units; u++) bias[u] += ofRow[u];
        forEntries(entries, row, codeCount, columnCount, (column, value) => {
          const at = column * units;
          for (let u = 0; u < units; u++) kernel[at + u] += fround(value * ofRow[u]);
        });
      }
      return [tensorOf([columnCount, units], kernel), tensorOf([units], bias)];
    },
    adam(values, slopes, moments, step) {
      const [l2, beta1, beta2, rate, scale, epsilon] = [
        step.l2,
        step.beta1,
        step.beta2,
        step.rate,
        step.squareScale,
        step.epsilon,
      ].map(fround);
      const [newMean, newSquare] = [fround(1 - beta1), fround(1 - beta2)];
      const [means, squares, before, gradient] = [moments.means, moments.squares, values, slopes].map(
        numbersOf,
      );
      const out = new Float32Array(before.length);
      for (let i = 0; i < out.length; i++) {
        const slope = fround(gradient[i] + fround(l2 * before[i]));
        means[i] += fround(newMean * fround(slope - means[i]));
        squares[i] += fround(newSquare * fround(fround(slope * slope) - squares[i]));
        const root = fround(fround(sqrt(fround(squares[i] * scale))) + epsilon);
        out[i] = before[i] - fround(fround(rate * means[i]) / root);
      }
      return tensorOf(values.shape, out);
    },
  };
}

function typed<T>(values: unknown, type: new (length: number) => T): T {
  if (values instanceof type) return values;
  throw new Error(`a tensor of the cpu backend is not a ${type.name}`);
}

interface Entries {
  readonly codes: Int32Array;
  readonly numbers: Float32Array;
  readonly columns: Int32Array;
}

/** Calls `use` with each column of a row that is not 0: the numbers, then the codes. */
function forEntries(
  { codes, numbers, columns }: Entries,
  row: number,
  codeCount: number,
  columnCount: number,
  use: (column: number, value: number) => void,
): void {
  for (let j = 0, at = row * columns.length; j < columns.length; j++, at++) use(columns[j], numbers[at]);
  for (let at = row * codeCount, end = at + codeCount; at < end; at++) {
    if (codes[at] >= 0 && codes[at] < columnCount) use(codes[at], 1);
  }
}
