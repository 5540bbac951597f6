import type { Evaluation } from "../evaluate/evaluation.ts";
import {
  anyOf,
  dictionary,
  finite,
  flag,
  integerFrom,
  list,
  none,
  object,
  oneOf,
  optional,
  type Shape,
  text,
} from "../model/json_shape.ts";
import type { FieldCurve, ModelReport } from "./model_report.ts";

const count = integerFrom(0);
const orNull = anyOf("a finite number or null", finite, none);
const estimate = object({ value: orNull, low: orNull, high: orNull });
const metrics = object({
  log_loss: estimate,
  normalised_entropy: estimate,
  auc: estimate,
  pr_auc: estimate,
  brier: estimate,
  ece: estimate,
});

const parts = list(object({
  name: text,
  rows: count,
  clicks: count,
  predicted: finite,
  observed: finite,
  metrics,
}));
const curve = list(object({
  threshold: finite,
  true_positive_rate: finite,
  false_positive_rate: finite,
  precision: finite,
}));
const baseline = { log_loss: estimate, difference: estimate };

const evaluation: Shape<Evaluation> = object({
  rows: count,
  clicks: count,
  groups: count,
  observed: finite,
  predicted: finite,
  level: finite,
  resamples: count,
  seed: count,
  blocks: optional(count),
  metrics,
  perfect_ece: finite,
  baselines: object({
    base_rate: object({ rate: finite, ...baseline }),
    strongest_field: optional(object({ field: text, levels: count, ...baseline })),
  }),
  reliability: list(object({
    from: finite,
    to: finite,
    rows: finite,
    predicted: finite,
    observed: finite,
    low: finite,
    high: finite,
  })),
  roc: curve,
  pr: curve,
  scores: list(object({ from: finite, to: finite, clicks: finite, others: finite })),
  gains: list(object({ share: finite, threshold: finite, recall: finite, precision: finite, lift: finite })),
  thresholds: list(
    object({ threshold: finite, share: finite, precision: orNull, recall: orNull, lift: orNull }),
  ),
  slices: list(object({ field: text, parts })),
  by_time: optional(object({ unit: text, parts })),
  against: optional(object({
    model_id: text,
    metrics,
    differences: metrics,
    test: object({ difference: finite, standard_error: orNull, z: orNull, p_value: orNull }),
  })),
});

const fieldType: Shape<FieldCurve["type"]> = oneOf(
  "numeric",
  "categorical",
  "ordinal",
  "time",
  "words",
  "rate",
);
const interval = { low: optional(finite), high: optional(finite) };

const fieldCurve = object({
  field: text,
  part: optional(text),
  type: fieldType,
  effects: oneOf("log-odds", "partial"),
  spread: finite,
  parts: list(object({
    name: text,
    from: optional(finite),
    to: optional(finite),
    is: optional(oneOf("missing", "unseen")),
    effect: orNull,
    ...interval,
    train: optional(object({ rows: finite, clicks: finite })),
    evaluated: object({ rows: finite, clicks: finite, predicted: finite }),
  })),
  more: optional(count),
});

const crossHeat = object({
  of: list(text, 2),
  spread: finite,
  row_names: list(text),
  column_names: list(text),
  effects: list(list(orNull)),
  reaches: optional(list(list(finite))),
  rows: list(list(finite)),
  clicks: list(list(finite)),
  more: optional(count),
});

const dataQuality = object({
  rows: object({
    read: optional(count),
    train: count,
    test: count,
    validation: optional(count),
    left_out: count,
  }),
  clicks: object({ train: count, test: count }),
  excluded: dictionary(count),
  fields: list(object({
    field: text,
    type: fieldType,
    missing: optional(finite),
    rows: finite,
    levels: optional(count),
    pooled: optional(finite),
    unseen: optional(finite),
    min: optional(finite),
    median: optional(finite),
    max: optional(finite),
  })),
});

/** The shape of a report as JSON. */
export const reportShape: Shape<ModelReport> = object({
  version: oneOf(1),
  model_id: text,
  program: text,
  rows: oneOf("held-out", "training", "new", "files"),
  columns: object({ label: text, group: text, time: optional(text), weight: optional(text) }),
  evaluation,
  sampled_from: optional(count),
  coefficients: object({
    shown: list(object({ column: text, field: text, value: finite, ...interval })),
    in_all: count,
    intercept: finite,
  }),
  curves: list(fieldCurve),
  crosses: list(crossHeat),
  importance: optional(object({
    rows: count,
    seed: count,
    fields: list(object({ field: text, log_loss: finite, ...interval })),
  })),
  trace: list(object({
    step: count,
    objective: finite,
    gradient_max: optional(finite),
    validation_loss: optional(finite),
  })),
  solver: object({
    name: text,
    iterations: count,
    gradient_max: finite,
    objective: finite,
    criterion: optional(text),
  }),
  hyper_parameters: dictionary(anyOf("a string, a finite number, true or false", text, finite, flag)),
  data: dataQuality,
  notes: list(text),
  warnings: list(object({ kind: text, text })),
  engine: optional(object({ name: text, approximate: list(text), missing: list(text) })),
});
