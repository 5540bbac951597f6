import { trainPart, validationPart } from "../../examples/split.ts";
import type { ActivationName } from "../../model/activations.ts";
import type { Penalty } from "../penalised.ts";

/** The optimizers of tfjs, `tf.train`. */
export const optimizerNames = [
  "adam",
  "sgd",
  "momentum",
  "adagrad",
  "adadelta",
  "adamax",
  "rmsprop",
] as const;
export type OptimizerName = typeof optimizerNames[number];

/** Adam's is that of tfjs and Keras, others those of their papers; that of sgd is larger, since columns are standardised. */
export const defaultLearningRates: Readonly<Record<OptimizerName, number>> = {
  adam: 0.001,
  sgd: 0.1,
  momentum: 0.01,
  adagrad: 0.01,
  adadelta: 1,
  adamax: 0.002,
  rmsprop: 0.001,
};

/** One hidden layer, as it is trained: a dense layer, its activation, and dropout last. */
export interface HiddenLayer {
  readonly units: number;
  readonly activation: ActivationName | "linear";
  /** Share of the layer's outputs that a training step drops. */
  readonly dropout?: number;
  /** Whether batch normalisation comes before or after the activation; absent without it. */
  readonly batchNorm?: "before" | "after";
}

/** Hyper-parameters of mini-batch training, as a model's metadata records them. Exact fits have none of them. */
export interface MinibatchParameters {
  readonly optimizer: OptimizerName;
  /** Hidden layers, as `32,16`: see `parseHidden`. Empty for a logistic regression. */
  readonly hidden: string;
  /** Columns that the first layer takes, if a file of layers names them: training requires that many. */
  readonly inputColumns?: number;
  /** Maximum number of passes over the training rows. */
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Epochs without a better validation loss before training stops; 0 trains all epochs. */
  readonly patience: number;
  /** Share of the training groups that form the validation rows; only used if `patience` is above 0. */
  readonly validationShare: number;
}

export const defaultMinibatch = { epochs: 20, batchSize: 256, patience: 0, validationShare: 0.1 } as const;

/** Fills in the defaults. */
export function minibatchParameters(
  parameters: Pick<MinibatchParameters, "optimizer"> & Partial<MinibatchParameters>,
): MinibatchParameters {
  return {
    hidden: "",
    learningRate: defaultLearningRates[parameters.optimizer],
    ...defaultMinibatch,
    ...parameters,
  };
}

/** Options of mini-batch training. */
export interface MinibatchOptions
  extends Omit<MinibatchParameters, "hidden" | "inputColumns" | "validationShare"> {
  /** Empty for a logistic regression. */
  readonly hidden: readonly HiddenLayer[];
  readonly seed: number;
  /** Only `l2`: an l1 penalty needs an exact solver. */
  readonly penalty: Penalty;
  /** Columns whose coefficients stay 0. */
  readonly fixedAtZero?: readonly number[];
  /** The rows to train on, and those that decide when early stopping stops. Default: the parts of the split. */
  readonly parts?: TrainedParts | undefined;
  /** Added to the validation rows' log-odds: corrects for the sampling of the training rows. */
  readonly validationShift?: number;
  readonly observe?: ((event: EpochEvent) => void) | undefined;
  /**
   * Awaited about every 50 ms: yields to the event loop, and throws to end the training early.
   *
   * @param progress Progress of the epoch; absent while a loss is measured.
   */
  readonly pause?: ((progress?: EpochProgress) => void | Promise<void>) | undefined;
}

export interface TrainedParts {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

export function partsOf({ parts }: Pick<MinibatchOptions, "parts">): TrainedParts {
  return parts ?? { train: [trainPart], validation: [validationPart] };
}

/** Reported after each epoch. */
export interface EpochEvent {
  readonly epoch: number;
  readonly epochs: number;
  /** Training rows per epoch. */
  readonly rows: number;
  /** Mean log loss of the training rows, each at the parameters of its batch. */
  readonly loss: number;
  /** Mean log loss of the validation rows after the epoch; absent without early stopping. */
  readonly validationLoss?: number;
}

export interface EpochProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** Rows of this epoch that have been processed. */
  readonly done: number;
  readonly rows: number;
}
