import bytes from "./kernel/factor.wasm" with { type: "bytes" };

/** The exports of factor.wasm. Addresses are in bytes. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  factorise(
    L: number,
    pivots: number,
    scaled: number,
    size: number,
    rowBytes: number,
    share: number,
  ): void;
}

const pageBytes = 65_536;
/** Rows that the kernel computes together. */
const blockRows = 8;

let compiled: WebAssembly.Module | undefined;

/** The factor of a matrix in the kernel's memory. */
export interface LargeFactor {
  /** Shape (size, stride), row-major: L below the diagonal, and on it what remained of the diagonal, also where that was too little. */
  readonly L: Float64Array;
  readonly stride: number;
  /** Shape (size): 0 where too little remained of the diagonal. */
  readonly pivots: Float64Array;
}

/**
 * Factorises A = L·D·Lᵀ by the kernel, to the same bits as a loop in JavaScript would.
 *
 * @param fill Writes the lower triangle of A, rows of `stride` numbers.
 * @param share A pivot at most this share of its diagonal entry is 0.
 */
export function largeFactor(
  size: number,
  share: number,
  fill: (L: Float64Array, stride: number) => void,
): LargeFactor {
  // Rows begin at whole vectors.
  const stride = 2 * Math.ceil(size / 2);
  const numbers = (size + blockRows) * stride + size;
  compiled ??= new WebAssembly.Module(bytes);
  const { memory, factorise } = new WebAssembly.Instance(compiled).exports as unknown as Kernel;
  memory.grow(Math.max(0, Math.ceil((8 * numbers - memory.buffer.byteLength) / pageBytes)));
  const L = new Float64Array(memory.buffer, 0, size * stride);
  const scaledAt = 8 * L.length;
  const pivotsAt = scaledAt + 8 * blockRows * stride;
  fill(L, stride);
  factorise(0, pivotsAt, scaledAt, size, 8 * stride, share);
  return { L, stride, pivots: new Float64Array(memory.buffer, pivotsAt, size) };
}
