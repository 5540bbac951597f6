import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CodeKernels } from "./code_kernels.ts";
import bytes from "./kernel/codes.wasm" with { type: "bytes" };

/** The exports of codes.wasm. Addresses are in bytes. */
interface Exports {
  forward(...addressesAndCounts: number[]): void;
  backward(...addressesAndCounts: number[]): void;
  adam(...addressesAndSettings: number[]): void;
  transpose(...addressesAndCounts: number[]): void;
}

/** What the kernels of the wasm backend have besides. */
export interface WasmKernels extends CodeKernels {
  /** Returns the transpose of the last two dimensions, others of which are 1. */
  transpose(values: TensorInfo): TensorInfo;
}

function hasExports(exports: object): exports is Exports {
  return ["forward", "backward", "adam", "transpose"].every((name) =>
    typeof Reflect.get(exports, name) === "function"
  );
}

/**
 * Returns the memory of the wasm backend, in which tensors have addresses: the one internal of tfjs 4.22.0 that is used.
 *
 * @throws {Error} if this version of tfjs has no such member.
 */
export function memoryOf({ wasm }: BackendWasm): WebAssembly.Memory {
  const exports: unknown = Reflect.get(wasm, "asm");
  const memory: unknown = typeof exports === "object" && exports !== null
    ? Reflect.get(exports, "memory")
    : undefined;
  if (memory instanceof WebAssembly.Memory) return memory;
  throw new Error("tfjs's wasm backend has no wasm.asm.memory, as that of 4.22.0 has");
}

/** Creates the kernels that run on the memory of the wasm backend: nothing is copied. */
export function createWasmKernels(backend: BackendWasm): WasmKernels {
  const imports = { env: { memory: memoryOf(backend) } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  if (!hasExports(exports)) throw new Error("codes.wasm lacks an export");
  const addressOf = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId);
  return {
    forward({ codes, numbers, columns }, kernel, bias) {
      const [rowCount, codeCount] = codes.shape;
      const [columnCount, units] = kernel.shape;
      const out = backend.makeOutput([rowCount, units], "float32");
      const addresses = [codes, numbers, columns, kernel, bias, out].map(addressOf);
      exports.forward(...addresses, rowCount, codeCount, numbers.shape[1], columnCount, units);
      return out;
    },
    backward({ codes, numbers, columns }, slopes, columnCount) {
      const [rowCount, codeCount] = codes.shape;
      const units = slopes.shape[1];
      const kernel = backend.makeOutput([columnCount, units], "float32");
      const bias = backend.makeOutput([units], "float32");
      const addresses = [codes, numbers, columns, slopes, kernel, bias].map(addressOf);
      exports.backward(...addresses, rowCount, codeCount, numbers.shape[1], columnCount, units);
      return [kernel, bias];
    },
    transpose(values) {
      const [rowCount, columnCount] = values.shape.slice(-2);
      const out = backend.makeOutput([...values.shape.slice(0, -2), columnCount, rowCount], "float32");
      exports.transpose(addressOf(values), addressOf(out), rowCount, columnCount);
      return out;
    },
    adam(values, slopes, { means, squares }, { l2, beta1, beta2, rate, squareScale, epsilon }) {
      // A new tensor: XNNPACK keeps packed copies of weights by the id of their tensor, and would not see a change in place.
      const out = backend.makeOutput(values.shape, "float32");
      const count = values.shape.reduce((product, size) => product * size, 1);
      const addresses = [values, slopes, means, squares, out].map(addressOf);
      exports.adam(...addresses, count, l2, beta1, beta2, rate, squareScale, epsilon);
      return out;
    },
  };
}
