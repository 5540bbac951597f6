import * as tf from "@tensorflow/tfjs-core";
import { initializers, layers } from "@tensorflow/tfjs-layers";
import { type CodedRows, inputOf } from "./code_kernels.ts";
import type { Engine } from "./engine.ts";

const kernelName = "CodesDense";
const gradientName = "CodesDenseGrad";
const registered = new Set<string>();

/** Registers the operation with tfjs: its kernels, and its gradient for autodiff. Idempotent. */
export function registerCodesDense({ backend, kernels }: Engine): void {
  if (registered.has(backend)) return;
  tf.registerKernel({
    kernelName,
    backendName: backend,
    kernelFunc: ({ inputs }) =>
      kernels.forward(rowsOf(inputs), inputOf(inputs, "kernel"), inputOf(inputs, "bias")),
  });
  tf.registerKernel({
    kernelName: gradientName,
    backendName: backend,
    kernelFunc: ({ inputs }) =>
      kernels.backward(rowsOf(inputs), inputOf(inputs, "slopes"), inputOf(inputs, "kernel").shape[0]),
  });
  if (registered.size === 0) registerGradient();
  registered.add(backend);
}

function rowsOf(inputs: tf.NamedTensorInfoMap): CodedRows {
  return {
    codes: inputOf(inputs, "codes"),
    numbers: inputOf(inputs, "numbers"),
    columns: inputOf(inputs, "columns"),
  };
}

function registerGradient(): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: ["codes", "numbers", "columns", "kernel"],
    gradFunc(slopes, [codes, numbers, columns, kernel]) {
      if (Array.isArray(slopes)) throw new Error("CodesDense has one output");
      const inputs = { codes, numbers, columns, slopes, kernel };
      // Here, not in the functions below: what one of them makes, tfjs disposes of when it returns.
      const gradients: unknown = tf.engine().runKernel(gradientName, inputs);
      if (!Array.isArray(gradients)) throw new Error("CodesDenseGrad has two outputs");
      const [kernelSlopes, biasSlopes] = gradients;
      return { kernel: () => kernelSlopes, bias: () => biasSlopes };
    },
  });
}

/**
 * A dense layer on one-hot rows that are given as codes and numbers: no one-hot matrix is made. Its weights are those of an
 * ordinary dense layer over the encoded columns.
 */
export class CodesDense extends layers.Layer {
  static className = kernelName;
  private readonly kernel;
  private readonly bias;

  constructor(columnCount: number, units: number) {
    super({});
    const zeros = initializers.zeros();
    this.kernel = this.addWeight("kernel", [columnCount, units], "float32", zeros);
    this.bias = this.addWeight("bias", [units], "float32", zeros);
    this.built = true;
  }

  /** @param rows Codes, numbers and their columns. */
  override call(rows: tf.Tensor | tf.Tensor[]): tf.Tensor {
    if (!Array.isArray(rows)) throw new Error("CodesDense takes codes, numbers and columns");
    const [codes, numbers, columns] = rows;
    const result: unknown = tf.engine().runKernel(kernelName, {
      codes,
      numbers,
      columns,
      kernel: this.kernel.read(),
      bias: this.bias.read(),
    });
    if (!(result instanceof tf.Tensor)) throw new Error("CodesDense has one output");
    return result;
  }
}
