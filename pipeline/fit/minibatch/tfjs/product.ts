import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { inputOf } from "./code_kernels.ts";

/**
 * Replaces the wasm backend's product of matrices by one that transposes first: the backend gives a product with a transpose
 * flag, as every backward step has, to a slow loop, and only others to XNNPACK. Halves the time of an epoch.
 */
export function registerProduct(backend: BackendWasm): void {
  const { kernelFunc: product } = tf.getKernel("BatchMatMul", "wasm");
  const { kernelFunc: transpose } = tf.getKernel("Transpose", "wasm");
  const { kernelFunc: reshape } = tf.getKernel("Reshape", "wasm");
  const transposed = (x: tf.TensorInfo): tf.TensorInfo => {
    const rank = x.shape.length;
    const outer = x.shape.slice(0, -2);
    const [rows, columns] = x.shape.slice(-2);
    const flipped = Math.min(rows, columns) === 1
      ? reshape({ inputs: { x }, backend, attrs: { shape: [...outer, columns, rows] } })
      : transpose({ inputs: { x }, backend, attrs: { perm: [...outer.keys(), rank - 1, rank - 2] } });
    return single(flipped);
  };
  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "wasm",
    kernelFunc({ inputs, attrs = {} }) {
      const [a, b] = [inputOf(inputs, "a"), inputOf(inputs, "b")];
      const { transposeA, transposeB } = attrs;
      const left = transposeA ? transposed(a) : a;
      const right = transposeB ? transposed(b) : b;
      const out = product({
        inputs: { a: left, b: right },
        backend,
        attrs: { transposeA: false, transposeB: false },
      });
      if (transposeA) backend.disposeData(left.dataId);
      if (transposeB) backend.disposeData(right.dataId);
      return out;
    },
  });
}

function single(result: tf.TensorInfo | tf.TensorInfo[]): tf.TensorInfo {
  if (Array.isArray(result)) throw new Error("a kernel of tfjs gives several tensors instead of one");
  return result;
}
