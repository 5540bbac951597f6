import * as tf from "@tensorflow/tfjs-core";
import type { BatchInputs } from "../batch_inputs.ts";
import { logLoss } from "../log_loss.ts";
import { registerCodesDense } from "./codes_dense.ts";
import { type BackendName, startEngine } from "./engine.ts";
import { createNetworkModel, type InitialState, type NetworkModel, valuesOf } from "./network_model.ts";
import { createOptimizer, type OptimizerOptions } from "./optimizer.ts";

/** Trains one model by steps on batches of rows. */
export interface Trainer {
  readonly backend: BackendName;
  /** Weights of the model. */
  readonly model: Pick<NetworkModel, "state" | "restore" | "solution">;
  /**
   * Takes a step along the gradient of a batch's summed log loss, divided by `divisor`, and of the penalty.
   *
   * @returns The summed log loss before the step.
   */
  step(batch: BatchInputs, divisor: number): number;
  /** Returns the summed log loss of a batch. @param shift Added to the log-odds. */
  lossOf(batch: BatchInputs, shift: number): number;
  /** As `lossOf`; also adds the gradient of each trained weight, without the penalty, to `sums`. */
  addGradient(batch: BatchInputs, sums: GradientSums[]): number;
  /** Returns sums of 0, one per trained weight. */
  gradientSums(): GradientSums[];
  dispose(): void;
}

/** The gradient of one weight array, summed over batches. */
export interface GradientSums {
  readonly isPenalised: boolean;
  readonly sums: Float64Array;
  /** The weights' values, shape of `sums`. */
  readonly values: Float32Array;
}

/** @param options.backend Default: wasm, or cpu if wasm does not start. */
export async function createTrainer(
  initial: InitialState & { readonly numericColumns: readonly number[] },
  options: OptimizerOptions & { readonly backend?: BackendName | undefined },
): Promise<Trainer> {
  const engine = await startEngine(options.backend);
  registerCodesDense(engine);
  const model = createNetworkModel(initial);
  const { variables, penalised } = model;
  const optimizer = createOptimizer(engine, model, options);
  const columns = tf.tensor1d(Int32Array.from(initial.numericColumns), "int32");

  function logitsOf(batch: BatchInputs, training: boolean): tf.Tensor {
    const { codes, codeCount, numbers, numberCount, rowCount } = batch;
    const rows = [
      tf.tensor2d(codes, [rowCount, codeCount], "int32"),
      tf.tensor2d(numbers, [rowCount, numberCount]),
      columns,
    ];
    return model.logits(rows, training);
  }

  /** Returns the summed log loss; its gradient, divided by `divisor`, is that of tfjs's autodiff from the log-odds on. */
  function differentiate(batch: BatchInputs, divisor: number, training: boolean) {
    let loss = NaN;
    const lossOfLogits = tf.customGrad((...inputs) => {
      const [logits] = inputs;
      if (!(logits instanceof tf.Tensor)) throw new Error("the loss is of log-odds");
      const slopes = new Float32Array(batch.rowCount);
      loss = logLoss(valuesOf(logits), batch, { slopes });
      for (let i = 0; i < slopes.length; i++) slopes[i] /= divisor;
      return { value: tf.scalar(loss), gradFunc: () => tf.tensor(slopes, logits.shape) };
    });
    const { grads } = tf.variableGrads(() => lossOfLogits(logitsOf(batch, training)), [...variables]);
    return { loss, gradients: grads };
  }

  return {
    backend: engine.backend,
    model,
    step: (batch, divisor) =>
      tf.tidy(() => {
        const { loss, gradients } = differentiate(batch, divisor, true);
        optimizer.step(gradients);
        return loss;
      }),
    lossOf: (batch, shift) => tf.tidy(() => logLoss(valuesOf(logitsOf(batch, false)), batch, { shift })),
    addGradient: (batch, sums) =>
      tf.tidy(() => {
        const { loss, gradients } = differentiate(batch, 1, false);
        variables.forEach(({ name }, v) => {
          const slopes = valuesOf(gradients[name]);
          for (let i = 0; i < slopes.length; i++) sums[v].sums[i] += slopes[i];
        });
        return loss;
      }),
    gradientSums: () =>
      variables.map((variable) => ({
        isPenalised: penalised.has(variable.name),
        sums: new Float64Array(variable.size),
        values: valuesOf(variable).slice(),
      })),
    dispose() {
      columns.dispose();
      optimizer.dispose();
      model.dispose();
    },
  };
}
