import type { Encoder, FeatureEncoder } from "../encode/encoder.ts";
import { levelCountOf, widthOf } from "../encode/encoder.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { ColumnSums } from "./column_sums.ts";
import type { PartSums } from "./curve_parts.ts";
import type { DataQuality, FieldQuality } from "./model_report.ts";
import { type NumberBins, rounded, unitOf } from "./number_bins.ts";

/** Fields beyond this many are not listed. */
const fieldsMax = 150;

/** What the part on the data is made of. */
export interface QualityInputs extends PartSums {
  readonly encoder: Encoder;
  readonly bins: readonly NumberBins[];
  /** Some values of each column of numbers, in the order of the bins, without those that stand for a missing one. */
  readonly values: readonly Float64Array[];
}

/** Describes the data that a model was trained on. */
export function dataQuality(data: ArtifactMetadata["data"], inputs: QualityInputs): DataQuality {
  return {
    ...rowQuality(data),
    fields: inputs.encoder.features.slice(0, fieldsMax).map((feature) => fieldQuality(feature, inputs)),
  };
}

/** Returns the counts of the rows of a training. */
export function rowQuality({ rows, clicks }: ArtifactMetadata["data"]): Omit<DataQuality, "fields"> {
  const reasons: readonly (readonly [string, number | undefined])[] = [
    ["without a label", rows.no_label],
    ["of weight 0", rows.zero_weight],
    ["of groups that reach into the held-out time", rows.straddling],
    ["too young for their label", rows.immature],
    ["without a time", rows.no_time],
  ];
  const { read, validation, train, test, left_out } = rows;
  return {
    rows: {
      ...(read === undefined ? {} : { read }),
      train,
      test,
      ...(validation === undefined ? {} : { validation }),
      left_out,
    },
    clicks: { ...clicks },
    excluded: Object.fromEntries(
      reasons.flatMap(([reason, count = 0]) => count > 0 ? [[reason, count]] : []),
    ),
  };
}

function fieldQuality(feature: FeatureEncoder, inputs: QualityInputs): FieldQuality {
  const { train, evaluated } = inputs;
  const sums = train ?? evaluated;
  const own = { field: feature.name, type: typeOf(feature), rows: sums.total.rows };
  const missing = missingOf(feature, sums);
  const counted = { ...own, ...(missing === undefined ? {} : { missing }) };
  switch (feature.type) {
    case "numeric":
      return { ...counted, ...rangeOf(feature.column, inputs) };
    case "time":
      return feature.age ? { ...counted, ...rangeOf(feature.age.column, inputs) } : counted;
    case "words":
      return { ...counted, levels: feature.words.length };
    case "rate":
      return { ...counted, levels: feature.levels.length };
    case "levels":
      return { ...counted, levels: feature.levels.length };
    case "binned":
    case "clock":
      return counted;
    default: {
      const unseen = feature.column + widthOf(feature) - 1;
      return {
        ...counted,
        levels: levelCountOf(feature),
        ...(train ? { pooled: train.ones.rows[unseen] } : {}),
        unseen: evaluated.ones.rows[unseen],
      };
    }
  }
}

function typeOf({ type }: FeatureEncoder): FieldQuality["type"] {
  return type === "binned" ? "numeric" : type === "levels" ? "categorical" : type === "clock" ? "time" : type;
}

/** Returns the rows without a value; undefined if the model does not tell them apart. */
function missingOf(feature: FeatureEncoder, { ones: { rows } }: ColumnSums): number | undefined {
  switch (feature.type) {
    case "numeric":
      return feature.missingIndicator ? rows[feature.column + 1] : feature.nullable ? undefined : 0;
    case "time":
      return feature.age
        ? rows[feature.age.column + 1]
        : rows[feature.column + widthOf({ ...feature, parts: feature.parts.slice(0, 1) }) - 1];
    // These have no column for it.
    case "rate":
    case "binned":
    case "levels":
    case "clock":
      return undefined;
    case "words":
      return rows[feature.column + feature.words.length];
    default:
      return rows[feature.column + widthOf(feature) - 2];
  }
}

function rangeOf(column: number, { bins, values, train, evaluated }: QualityInputs) {
  const at = bins.findIndex(({ plan }) => plan.column === column);
  if (at < 0) return {};
  const { min, max } = (train ?? evaluated).numbers[at];
  const unit = (value: number) => rounded(unitOf(bins[at].plan, value), 6);
  const sorted = values[at].slice().sort();
  if (!(min <= max) || sorted.length === 0) return {};
  return { min: unit(min), median: unit(sorted[Math.floor(sorted.length / 2)]), max: unit(max) };
}
