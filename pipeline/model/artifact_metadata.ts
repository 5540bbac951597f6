import { type Encoder, positionCountOf, widthOf } from "../encode/encoder.ts";
import { valueTypes } from "../examples/level.ts";
import { Failure } from "../failure.ts";
import {
  anyOf,
  anything,
  between,
  dictionary,
  finite,
  flag,
  integerFrom,
  list,
  matching,
  none,
  object,
  oneOf,
  optional,
  positive,
  requireShape,
  text,
  textOf,
  type ValueOf,
  variant,
} from "./json_shape.ts";

const count = integerFrom(0);
const columnName = textOf(1, 64);

const numericEncoder = object({
  type: oneOf("numeric"),
  name: columnName,
  nullable: flag,
  transform: oneOf("none", "log1p"),
  impute: finite,
  mean: finite,
  scale: positive,
  column: count,
  missingIndicator: flag,
  edges: optional(list(finite, 0, 255)),
});

const categoricalEncoder = object({
  type: oneOf("categorical"),
  name: columnName,
  nullable: flag,
  /** What its values were in training: by this, spellings are read. Absent in models of 0.1.0. */
  values: optional(oneOf(...valueTypes)),
  levels: list(text),
  buckets: optional(integerFrom(2)),
  column: count,
});

const crossEncoder = object({
  of: list(columnName, 2),
  keys: list(count),
  column: count,
});

const network = object({
  layers: list(
    object({
      activation: oneOf("relu"),
      /** Row-major, shape (inputs, units). */
      weights: list(finite),
      bias: list(finite, 1),
    }),
    1,
  ),
  /** Log-odds per unit of the last layer. */
  output: list(finite),
});

/** If the spec names a weight, each row counts by its weight; the `rows` of a calibration bin are then its weight. */
const metrics = object({
  log_loss: finite,
  auc: anyOf("a finite number or null", finite, none),
  brier: finite,
  ece: finite,
  base_log_loss: finite,
  calibration: list(
    object({ from: finite, to: finite, rows: positive, predicted: finite, observed: finite }),
  ),
});

/** What a model's `userDefinedMetadata` holds: all that prediction from raw fields needs, and all that trust needs. */
const members = {
  /** Version of this layout. */
  layout: oneOf(1),
  /** Version of clickwell that trained the model. */
  program: text,
  spec: dictionary(anything),
  encoder: object({
    features: list(variant("type", { numeric: numericEncoder, categorical: categoricalEncoder }), 1),
    columnCount: count,
    crosses: optional(list(crossEncoder)),
  }),
  /** Log-odds per column, float64. */
  coefficients: list(finite),
  intercept: finite,
  /** Of a wide-and-deep model: its deep part, whose weights are float32 numbers; the coefficients are its wide part. */
  network: optional(network),
  hyperParameters: dictionary(anyOf("a string, a finite number, true or false", text, finite, flag)),
  data: object({
    /** SHA-256 of the examples as they were read, hexadecimal. */
    fingerprint: text,
    /** The greatest id that was seen, where ids are integers: later rows have a greater one. */
    last_id: optional(matching(/^-?[0-9]{1,20}$/)),
    /**
     * Rows of the parts, of which `left_out` are those that `--negatives` left out. Of the rows that were `read`, those without a
     * label and those of weight 0 are in no part. Models of 0.1.0 do not say what was read.
     */
    rows: object({
      train: count,
      test: count,
      left_out: count,
      validation: optional(count),
      read: optional(count),
      no_label: optional(count),
      zero_weight: optional(count),
    }),
    clicks: object({ train: count, test: count }),
    /** If the spec names a weight: the same, each row counted by its weight. */
    weights: optional(object({
      rows: object({ train: finite, test: finite, left_out: finite, validation: optional(finite) }),
      clicks: object({ train: finite, test: finite }),
    })),
  }),
  /** On the held-out rows; on the training rows where none were held out. */
  metrics,
  solver: object({
    name: text,
    iterations: count,
    /** Largest entry of the gradient of the objective at the solution, in absolute value. */
    gradientMax: finite,
    /** Mean over the training rows of the penalised log loss. */
    objective: finite,
    /** Which part of the rule of convergence is met, and what was reached of it: fit/certificate.ts. Not in older models. */
    criterion: optional(text),
    step: optional(finite),
    decrease: optional(finite),
  }),
  /** Inverse covariance of the coefficients and the intercept: lower triangle, float64, base64. Absent where it is too large. */
  precision: optional(text),
  /** Of a model that continues another: which, on how many new rows, and the log loss on them had it stayed as it was. */
  update: optional(object({
    from: text,
    rows: count,
    log_loss_unchanged: finite,
    /** New rows that were read: those that were learnt, those without a label and those of weight 0. */
    read: optional(count),
    no_label: optional(count),
    zero_weight: optional(count),
  })),
  /** What a reader of the model should know: levels that were joined, columns without information. */
  notes: list(text),
  /** Rows of raw fields and the probability that the training gave them; every load repeats them. */
  golden: list(object({
    features: dictionary(anyOf("a string, a finite number or null", text, finite, none)),
    probability: between(0, 1),
  })),
};

const artifactMetadata = object(members);

export type ArtifactMetadata = ValueOf<typeof artifactMetadata>;
export type Metrics = ValueOf<typeof metrics>;

/**
 * Reads the metadata out of a model.json and checks it.
 *
 * @throws {Failure} `artifact-corrupt`
 */
export function parseMetadata(modelJson: Uint8Array, modelId: string): ArtifactMetadata {
  const fail = (what: string) =>
    new Failure("artifact-corrupt", `The model ${modelId} cannot be used: ${what}. Train it again.`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(modelJson));
  } catch {
    throw fail("model.json is not JSON");
  }
  const { userDefinedMetadata } = (value ?? {}) as { userDefinedMetadata?: unknown };
  // What a later version adds to this layout, or another reader needs, is let be.
  const metadata: unknown = Object.fromEntries(
    Object.entries(userDefinedMetadata ?? {}).filter(([name]) => Object.hasOwn(members, name)),
  );
  requireShape(artifactMetadata, metadata, ({ path, detail }) => {
    throw fail(`model.json at ${["userDefinedMetadata", ...path].join(".")}: ${detail}`);
  });
  const width = columnCountOf(metadata.encoder);
  if (width !== metadata.encoder.columnCount || width !== metadata.coefficients.length) {
    throw fail(`its fields have ${width} columns, its coefficients ${metadata.coefficients.length}`);
  }
  const problem = metadata.network ? networkProblem(metadata.network, width) : undefined;
  if (problem !== undefined) throw fail(problem);
  return metadata;
}

/** What is wrong with a network's shapes or numbers; undefined where nothing is. */
function networkProblem(
  { layers, output }: ValueOf<typeof network>,
  columnCount: number,
): string | undefined {
  let inputs = columnCount;
  for (const [i, { weights, bias }] of layers.entries()) {
    if (weights.length !== inputs * bias.length) {
      return `layer ${i + 1} has ${weights.length} weights, expected ${inputs} times ${bias.length}`;
    }
    inputs = bias.length;
  }
  if (output.length !== inputs) return `its output has ${output.length} weights, expected ${inputs}`;
  const isExact = (values: readonly number[]) => values.every((value) => Math.fround(value) === value);
  // What serves is then what weights.bin holds, to the last bit.
  const exact = isExact(output) && layers.every(({ weights, bias }) => isExact(weights) && isExact(bias));
  return exact ? undefined : "a weight of its network is not a float32 number";
}

/** @returns NaN where the columns do not lie side by side, or a cross is none of its fields. */
function columnCountOf({ features, crosses = [] }: Encoder): number {
  let columns = 0;
  for (const feature of features) {
    if (feature.column !== columns) return NaN;
    if (feature.type === "numeric" && !ascends(feature.edges ?? [])) return NaN;
    columns += widthOf(feature);
  }
  for (const { of, keys, column } of crosses) {
    // In the order of the encoder: so each is there, and once.
    const crossed = features.filter(({ name }) => of.includes(name));
    if (crossed.length !== of.length || crossed.some(({ name }, i) => name !== of[i])) return NaN;
    const combinations = crossed.reduce((product, feature) => product * positionCountOf(feature), 1);
    if (column !== columns || !ascends(keys) || keys.some((key) => key >= combinations)) return NaN;
    columns += keys.length;
  }
  return columns;
}

function ascends(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
