import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { inputOf } from "./code_kernels.ts";
import type { WasmKernels } from "./wasm_kernels.ts";

/**
 * Replaces three kernels of the wasm backend by faster ones with the same results:
 * - Products of matrices transpose first: the backend gives a product with a transpose flag, as every backward step has, to a
 *   slow loop, and only others to XNNPACK.
 * - Copies of a tensor, of which autodiff makes several for each operation, share its memory, as on the cpu backend.
 * - So do casts to the type that a tensor has.
 */
export function replaceKernels(backend: BackendWasm, kernels: WasmKernels): void {
  const share = ({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo => {
    backend.incRef(dataId);
    return { dataId, shape, dtype };
  };
  replace("Identity", () => ({ inputs }) => share(inputOf(inputs, "x")));
  replace("Cast", (cast) => (call) => {
    const x = inputOf(call.inputs, "x");
    return call.attrs?.dtype === x.dtype ? share(x) : cast(call);
  });
  replace("BatchMatMul", (product) => ({ inputs, attrs = {} }) => {
    const [a, b] = [inputOf(inputs, "a"), inputOf(inputs, "b")];
    const { transposeA, transposeB } = attrs;
    if ([a, b].some(({ shape }) => shape.slice(0, -2).some((size) => size !== 1))) {
      return product({ inputs, backend, attrs });
    }
    const left = transposeA ? kernels.transpose(a) : a;
    const right = transposeB ? kernels.transpose(b) : b;
    const out = product({
      inputs: { a: left, b: right },
      backend,
      attrs: { transposeA: false, transposeB: false },
    });
    if (transposeA) backend.disposeData(left.dataId);
    if (transposeB) backend.disposeData(right.dataId);
    return out;
  });
}

function replace(kernelName: string, kernelOf: (before: tf.KernelFunc) => tf.KernelFunc): void {
  const { kernelFunc } = tf.getKernel(kernelName, "wasm");
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: kernelOf(kernelFunc) });
}
