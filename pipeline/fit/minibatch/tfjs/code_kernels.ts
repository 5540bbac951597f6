import type { NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";

/** A one-hot row is its numbers, in `columns`, and its codes, each a column in which it has a 1. */
export interface CodedRows {
  /** Column of each number, int32, shape (numbers). */
  readonly columns: TensorInfo;
  /** Int32, shape (rows, codes); −1 for none. */
  readonly codes: TensorInfo;
  /** Shape (rows, numbers). */
  readonly numbers: TensorInfo;
}

/** Settings of one update by Adam. */
export interface AdamStep {
  /** Strength of the l2 penalty on the values. */
  readonly l2: number;
  /** Decay of the first and of the second moment. */
  readonly beta1: number;
  readonly beta2: number;
  /** Learning rate, divided by the bias of the first moment. */
  readonly rate: number;
  /** 1 / the bias of the second moment. */
  readonly squareScale: number;
  readonly epsilon: number;
}

/** The loops that tfjs has no kernel for, on the tensors of one backend. Results are new tensors. */
export interface CodeKernels {
  /** Returns rows · kernel + bias. @param kernel Shape (columns, units). @param bias Shape (units). */
  forward(rows: CodedRows, kernel: TensorInfo, bias: TensorInfo): TensorInfo;
  /** Returns the gradients of `forward` by kernel and bias. @param slopes Shape (rows, units). */
  backward(rows: CodedRows, slopes: TensorInfo, columnCount: number): [kernel: TensorInfo, bias: TensorInfo];
  /**
   * Returns a variable's values after Adam's update.
   *
   * @param means First moment, updated in place. @param squares Second moment, updated in place.
   */
  adam(
    values: TensorInfo,
    slopes: TensorInfo,
    moments: { readonly means: TensorInfo; readonly squares: TensorInfo },
    step: AdamStep,
  ): TensorInfo;
}

/** Returns an input of a kernel that tfjs calls. */
export function inputOf(inputs: NamedTensorInfoMap, name: string): TensorInfo {
  const input = inputs[name];
  if (!input) throw new Error(`a kernel of tfjs is called without ${name}`);
  return input;
}
