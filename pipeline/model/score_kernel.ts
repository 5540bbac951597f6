import { fractionalPowersWithRests } from "../math/elementary.ts";
import bytes from "./kernel/scores.wasm" with { type: "bytes" };

/** The exports of scores.wasm. Addresses are in bytes. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  toProbabilities(values: number, count: number, powers: number): void;
}

let kernel: Kernel | undefined;

/** Rows at once: their number is not limited, the memory is. */
const rowsAtOnce = 4_096;
/** Where the memory has the table of powers, and the rows after it. */
const [powersAt, valuesAt] = [0, 4_096];

/**
 * Replaces log-odds by probabilities, in place, by the kernel: to the same bits as `probabilityOf`, of which the first million calls take
 * five times as long.
 */
export function toManyProbabilities(logits: Float64Array): void {
  kernel ??= openKernel();
  const { memory: { buffer }, toProbabilities } = kernel;
  const values = new Float64Array(buffer, valuesAt, rowsAtOnce);
  for (let from = 0; from < logits.length; from += rowsAtOnce) {
    const part = logits.subarray(from, from + rowsAtOnce);
    values.set(part);
    toProbabilities(valuesAt, part.length, powersAt);
    part.set(values.subarray(0, part.length));
  }
}

function openKernel(): Kernel {
  const opened = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Kernel;
  // One page has 65,536 bytes.
  opened.memory.grow(1);
  new Float64Array(opened.memory.buffer, powersAt).set(fractionalPowersWithRests());
  return opened;
}
