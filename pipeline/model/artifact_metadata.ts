import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import { activationNames } from "./activations.ts";
import { columnCountOf, encoder } from "./encoder_shape.ts";
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
  type ValueOf,
  variant,
} from "./json_shape.ts";

const count = integerFrom(0);

const network = object({
  layers: list(
    object({
      activation: oneOf(...activationNames, "linear"),
      /** Row-major, shape (inputs, units). */
      weights: list(finite),
      bias: list(finite, 1),
    }),
    1,
  ),
  /** Log-odds per unit of the last layer. */
  output: list(finite),
});

/** The out-of-fold rows that a calibration map was fitted to, and their mean log loss before and, on other groups, after. */
const calibrationFit = { folds: count, rows: count, log_loss_before: finite, log_loss_after: finite };

/** See model/calibration_map.ts. The weights contain a platt map; an isotonic one is applied to the log-odds. */
const calibration = variant("method", {
  platt: object({ method: oneOf("platt"), slope: positive, intercept: finite, ...calibrationFit }),
  isotonic: object({
    method: oneOf("isotonic"),
    logits: list(finite, 2),
    log_odds: list(finite, 2),
    ...calibrationFit,
  }),
});

/** Metrics of the rows of each day, week or month. */
const metricsByTime = object({
  /** Calendar unit in UTC. */
  unit: oneOf("day", "week", "month", "hour", "6 hours", "quarter", "year"),
  parts: list(object({
    /** Start of the period, ISO 8601. */
    from: text,
    rows: count,
    clicks: count,
    log_loss: finite,
    auc: anyOf("a finite number or null", finite, none),
    base_log_loss: finite,
    /** Mean probability and click rate. */
    predicted: finite,
    observed: finite,
  })),
});

/** If the spec names a weight, rows are weighted, and `rows` of a calibration bin is the sum of their weights. */
const metrics = object({
  log_loss: finite,
  auc: anyOf("a finite number or null", finite, none),
  brier: finite,
  ece: finite,
  base_log_loss: finite,
  calibration: list(
    object({ from: finite, to: finite, rows: positive, predicted: finite, observed: finite }),
  ),
  /** Present if the spec names a time, and if a calendar unit divides the rows into 4 to 30 parts. */
  by_time: optional(metricsByTime),
});

/** Members of a model's `userDefinedMetadata`: what prediction from raw fields needs, and how the model was made. */
const members = {
  /** Version of this layout. */
  layout: oneOf(1),
  /** Version of clickwell that trained the model. */
  program: text,
  spec: dictionary(anything),
  encoder,
  /** Log-odds per column, float64. */
  coefficients: list(finite),
  intercept: finite,
  /** Deep part of a wide-and-deep model, with float32 weights; the coefficients are the wide part. */
  network: optional(network),
  /** Absent if probabilities are those of the log-odds as they were fitted. */
  calibration: optional(calibration),
  hyperParameters: dictionary(anyOf("a string, a finite number, true or false", text, finite, flag)),
  data: object({
    /** SHA-256 of the examples as read, hexadecimal. */
    fingerprint: text,
    /** Greatest id of the examples, if ids are integers: new rows have greater ones. */
    last_id: optional(matching(/^-?[0-9]{1,20}$/)),
    /**
     * Rows of the parts; `left_out` are those that `--negatives` left out. Of the rows `read`, those without a label and those
     * of weight 0 are in no part, and so are those that a split by time excludes: of groups that reach into the held-out time,
     * too young, or without a time. Models of 0.1.0 have no counts of rows read.
     */
    rows: object({
      train: count,
      test: count,
      left_out: count,
      validation: optional(count),
      read: optional(count),
      no_label: optional(count),
      zero_weight: optional(count),
      straddling: optional(count),
      immature: optional(count),
      no_time: optional(count),
    }),
    clicks: object({ train: count, test: count }),
    /** Present for a split by time, in the unit of the time column: see `SplitTimes` of examples/time_split.ts. */
    times: optional(object({
      newest: finite,
      held_out_from: optional(finite),
      validation_from: optional(finite),
      mature_until: optional(finite),
    })),
    /** Present if the examples lie in an engine, whose statements computed the sums: its kind, its version and the view. */
    engine: optional(object({ name: text, version: text, view: text })),
    /** Present if the spec names a weight: the same, each row counted by its weight. */
    weights: optional(object({
      rows: object({ train: finite, test: finite, left_out: finite, validation: optional(finite) }),
      clicks: object({ train: finite, test: finite }),
    })),
  }),
  /** Metrics on the held-out rows, or on the training rows if none were held out. */
  metrics,
  solver: object({
    name: text,
    iterations: count,
    /** Largest absolute entry of the objective's gradient at the solution. */
    gradientMax: finite,
    /** Penalised log loss, mean over the training rows. */
    objective: finite,
    /** The convergence criterion that was met, and the values reached: see fit/certificate.ts. Absent in older models. */
    criterion: optional(text),
    step: optional(finite),
    decrease: optional(finite),
    /** The backend of tfjs that trained, if it is not wasm, its usual one: its results differ in the last bits. */
    backend: optional(oneOf("cpu")),
  }),
  /** Inverse covariance of the coefficients and the intercept: lower triangle, float64, base64. Absent if it is too large. */
  precision: optional(text),
  /** Covariance by groups of the coefficients and the intercept, packed as `precision`; present with robust intervals. */
  covariance: optional(text),
  /**
   * Present with bootstrap intervals of curves and tables: deviations from their means of what they are by each of `count` resamples of the
   * groups. Those of the intercept and of each coefficient are float32, base64; those of a cell are int8, base64, row by row in the order
   * of the cells, shape (cells, count), in units of their own, float32, base64.
   */
  draws: optional(object({
    count: integerFrom(2),
    intercept: text,
    tables: list(object({ coefficients: text, units: text, deviations: text })),
  })),
  /** Present if the model continues another: its id, the number of new rows, and the other model's log loss on them. */
  update: optional(object({
    from: text,
    rows: count,
    log_loss_unchanged: finite,
    /** Number of new rows read: those trained on, those without a label and those of weight 0. */
    read: optional(count),
    no_label: optional(count),
    zero_weight: optional(count),
  })),
  /** Remarks for people: levels that were pooled, columns without information. */
  notes: list(text),
  /** Leaks that were found in the examples; absent if there are none, and in older models. Their texts are among the notes. */
  warnings: optional(list(object({ kind: text, columns: list(text), text }))),
  /** Rows of raw fields with their probabilities in training, which are verified whenever the model is loaded. */
  golden: list(object({
    features: dictionary(anyOf("a string, a finite number or null", text, finite, none)),
    probability: between(0, 1),
  })),
};

const artifactMetadata = object(members);

export type ArtifactMetadata = ValueOf<typeof artifactMetadata>;
export type Metrics = ValueOf<typeof metrics>;
export type CalibrationRecord = ValueOf<typeof calibration>;
export type MetricsByTime = ValueOf<typeof metricsByTime>;

/** Parses and checks the metadata in a model.json, or its text. @throws {Failure} `artifact-corrupt` */
export function parseMetadata(modelJson: Uint8Array | string, modelId: string): ArtifactMetadata {
  const fail = (what: string) =>
    new Failure("artifact-corrupt", `The model ${modelId} cannot be used: ${what}. Train it again.`);
  let value: unknown;
  try {
    const text = typeof modelJson === "string"
      ? modelJson
      : new TextDecoder("utf-8", { fatal: true }).decode(modelJson);
    value = parseJsonOfDoubles(text);
  } catch {
    throw fail("model.json is not JSON");
  }
  const { userDefinedMetadata } = (value ?? {}) as { userDefinedMetadata?: unknown };
  // Members that a later version or another program added are ignored.
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
  if (metadata.calibration && !isAscending(metadata.calibration)) {
    throw fail("the points of its calibration do not ascend");
  }
  return metadata;
}

function isAscending(map: CalibrationRecord): boolean {
  if (map.method === "platt") return true;
  const { logits, log_odds } = map;
  const ascends = (values: readonly number[]) => values.every((value, i) => i === 0 || value > values[i - 1]);
  return logits.length === log_odds.length && ascends(logits) && ascends(log_odds);
}

/** Describes what is wrong with a network's shapes or weights; undefined if nothing is. */
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
  // Then the served weights are exactly those in weights.bin.
  const exact = isExact(output) && layers.every(({ weights, bias }) => isExact(weights) && isExact(bias));
  return exact ? undefined : "a weight of its network is not a float32 number";
}

/** Returns the weighted click rate of the training rows before any was left out. */
export function baseRateOf({ data }: Pick<ArtifactMetadata, "data">): number {
  const { rows, clicks } = data.weights ?? data;
  return clicks.train / (rows.train + rows.left_out);
}
