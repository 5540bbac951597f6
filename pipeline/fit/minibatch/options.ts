import { Failure } from "../../failure.ts";
import { defaultLearningRates, type OptimizerName } from "./optimizer.ts";
import type { Penalty } from "../penalised.ts";

/** Hyper-parameters of training by mini-batches, as a model's metadata records them. Exact fits have none of them. */
export interface MinibatchParameters {
  readonly optimizer: OptimizerName;
  /** Units per hidden layer, as `32,16`; empty for a logistic regression. */
  readonly hidden: string;
  /** Passes over the training rows at the most. */
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Epochs without a better validation loss before training stops; 0 trains all epochs. */
  readonly patience: number;
  /** Share of the training groups whose loss says when to stop; only where `patience` is above 0. */
  readonly validationShare: number;
}

export const defaultMinibatch = { epochs: 20, batchSize: 256, patience: 0, validationShare: 0.1 } as const;

export const hiddenLayersMax = 8;
export const hiddenUnitsMax = 4_096;

/** Fills in what was not asked for. */
export function minibatchParameters(
  wanted: Pick<MinibatchParameters, "optimizer"> & Partial<MinibatchParameters>,
): MinibatchParameters {
  return {
    hidden: "",
    learningRate: defaultLearningRates[wanted.optimizer],
    ...defaultMinibatch,
    ...wanted,
  };
}

/**
 * Units per hidden layer.
 *
 * @throws {Failure} `usage-invalid`
 */
export function parseHidden(text: string): number[] {
  if (text === "") return [];
  const units = text.split(",").map((word) => /^\s*[0-9]{1,6}\s*$/.test(word) ? Number(word) : NaN);
  if (units.length <= hiddenLayersMax && units.every((count) => count >= 1 && count <= hiddenUnitsMax)) {
    return units;
  }
  throw new Failure(
    "usage-invalid",
    `--hidden is "${text}", expected up to ${hiddenLayersMax} layers' units, each from 1 to ${hiddenUnitsMax}, ` +
      "with commas between them: --hidden 32,16",
  );
}

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
  readonly fixedAtZero?: readonly number[];
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
