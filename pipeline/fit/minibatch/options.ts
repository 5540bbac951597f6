import type { OptimizerName } from "./optimizer.ts";
import type { Penalty } from "../penalised.ts";

/** How a model is trained by mini-batches. */
export interface MinibatchOptions {
  readonly optimizer: OptimizerName;
  /** Units per hidden layer; empty for a logistic regression. */
  readonly hidden: readonly number[];
  /** Passes over the training rows at the most. */
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Epochs without a better loss on the validation rows before training stops; 0 trains all epochs. */
  readonly patience: number;
  readonly seed: number;
  /** `l2` alone: an l1 penalty needs an exact solver. */
  readonly penalty: Penalty;
  /** Columns that stay 0. */
  readonly held?: readonly number[];
  /** Added to the validation rows' log-odds: what sampling the training rows took from them. */
  readonly validationShift?: number;
  readonly observe?: ((event: EpochEvent) => void) | undefined;
  /**
   * Awaited every few ten thousand rows: lets others run, and throws to end the training early.
   *
   * @param progress Of the epoch; absent while a loss is measured.
   */
  readonly pause?: ((progress?: EpochProgress) => void | Promise<void>) | undefined;
}

/** Told after each epoch. */
export interface EpochEvent {
  readonly epoch: number;
  readonly epochs: number;
  /** Rows that an epoch goes over. */
  readonly rows: number;
  /** Mean log loss of the training rows as they were met: parameters changed meanwhile. */
  readonly loss: number;
  /** Mean log loss of the validation rows after the epoch; absent without early stopping. */
  readonly validationLoss?: number;
}

export interface EpochProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** Rows of this epoch that are done. */
  readonly done: number;
  readonly rows: number;
}
