import { loadEach } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import { columnNamer } from "../encode/column_names.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { type Encoder, type FeatureEncoder, widthOf } from "../encode/encoder.ts";
import { axesOf } from "../encode/table_lookup.ts";
import type { PooledLevels } from "../encode/summarise.ts";
import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { testPart } from "../examples/split.ts";
import { evaluateModel } from "../fit/evaluate.ts";
import type { Fit } from "../fit/fit.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import type { HyperParameters } from "./hyper_parameters.ts";

/** Whether all rows are in one group, so that all of them are held out or none. */
export function areOneGroup({ chunks, rowCount }: RawExamples): boolean {
  if (rowCount < 2) return false;
  let first: number | undefined;
  for (const { groups } of loadEach(chunks.filter((chunk) => plainFields(chunk).rowCount > 0))) {
    first ??= groups[0];
    // Ends at the first row of another group, usually the second row.
    for (let i = 0; i < groups.length; i++) if (groups[i] !== first) return false;
  }
  return true;
}

/** Notes on the groups of the examples. */
export function groupNotes(
  { rowCount }: Pick<RawExamples, "rowCount">,
  { group }: Pick<FeatureSpec, "group">,
  { isOneGroup, testShare }: { isOneGroup: boolean; testShare: number },
): string[] {
  if (!isOneGroup || testShare === 0) return [];
  return [
    `all ${rowCount} rows are in one group (${group}): none of them can be held out. Name another group in the feature spec.`,
  ];
}

/** A mean weight below this, or above its inverse, is noted: such weights are probably shares, not counts of rows. */
const unusualMean = 0.1;
/** Tolerance for rounding: the sum of a hundred times 0.1 is not below ten. */
const rounding = 1e-9;

/**
 * Notes on weights that are probably not counts of rows.
 *
 * @param rows Number of training rows.
 * @param weight Sum of their weights.
 */
export function weightNotes(rows: number, weight: number): string[] {
  const mean = weight / rows;
  if (mean >= unusualMean * (1 - rounding) && mean <= (1 + rounding) / unusualMean) return [];
  const [sum, each] = [weight, mean].map((value) => String(Number(value.toPrecision(4))));
  return [
    `the weights of the ${rows} training row(s) sum to ${sum}, ${each} a row: the penalty and minCount take that for the number of rows. ` +
    "If weights only say how much rows count beside each other, divide them by their mean.",
  ];
}

const reasons: Readonly<Record<PooledLevels["reason"], string>> = {
  rare: "rare",
  pure: "all of their rows have the same label, and without a penalty log-odds have no bound",
  "pure-value": "all of their rows have the same label, and without a penalty log-odds have no bound",
  unlisted: "the feature spec does not list them",
};

/** Notes on levels that share the column of unseen levels, and on columns whose coefficient is fixed at 0. */
export function encodingNotes(
  pooled: readonly PooledLevels[],
  encoder: Encoder,
  fixedAtZero: readonly number[],
): string[] {
  const notes = pooled.map(({ field, levels, rows, weight, reason }) => {
    const named = levels.slice(0, 5).join(", ") + (levels.length > 5 ? ", …" : "");
    const why = reasons[reason];
    const weighed = weight === rows ? "" : `, of weight ${Number(weight.toPrecision(4))},`;
    const are = reason === "pure-value"
      ? `${levels.length} value(s) on ${rows} training row(s)${weighed} have no column`
      : `${levels.length} level(s) on ${rows} training row(s)${weighed} share the column of unseen levels`;
    return `${field}: ${are} (${named}): ${why}.`;
  });
  const nameOf = columnNamer(encoder);
  for (const column of fixedAtZero) {
    notes.push(`${nameOf(column)}: all of its rows have the same label; its coefficient is held at 0.`);
  }
  return notes;
}

/** Notes on how a model trained by mini-batches differs from one that an exact solver fitted. */
export function minibatchNotes({ network }: Fit, { optimizer }: HyperParameters): string[] {
  return [
    ...(optimizer === undefined
      ? []
      : [`trained by mini-batches (${optimizer}): near an optimum, not at one.`]),
    ...(network === undefined ? [] : [
      `the coefficients are the wide part alone: hidden layers of ${
        network.layers.map(({ bias }) => bias.length).join(" and ")
      } units add to it.`,
    ]),
  ];
}

/** Below this number of held-out rows, the metrics say little. */
export const testRowsMin = 20;
/** An AUC that real data hardly ever reaches. */
const suspiciousAuc = 0.995;

export interface HeldOut {
  readonly testShare: number;
  readonly rows: number;
  /** Rows with label 1. */
  readonly ones: number;
}

/** Notes on the rows that the metrics are computed from. */
export function heldOutNotes({ testShare, rows, ones }: HeldOut): string[] {
  if (testShare === 0) return [];
  if (rows === 0) return ["no row was held out: the metrics are those of the training rows."];
  const notes: string[] = [];
  if (rows < testRowsMin) {
    notes.push(`only ${rows} row(s) were held out: the metrics say little. Hold out more with --test-share.`);
  }
  if (ones === 0 || ones === rows) {
    notes.push(
      `all ${rows} held-out row(s) have label ${
        ones === 0 ? 0 : 1
      }: the metrics do not show whether the model tells labels apart.`,
    );
  }
  return notes;
}

export interface Evaluated {
  readonly design: DesignMatrix;
  readonly encoder: Encoder;
  /** Shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  readonly baseRate: number;
  /** On held-out rows. */
  readonly metrics: Metrics;
}

/** Warns of an AUC that is too good to be true, and names the features that reach it alone. */
export function warnOfAuc(evaluated: Evaluated): LeakWarning[] {
  const { auc } = evaluated.metrics;
  // With weights near the largest number, whose products overflow, the AUC is not known.
  if (auc === null || !Number.isFinite(auc) || auc < suspiciousAuc) return [];
  const { features } = evaluated.encoder;
  const sample = { ...evaluated, design: firstChunks(evaluated.design) };
  const columns = features.filter((feature) => (aucOfFeature(sample, feature) ?? 0) >= suspiciousAuc)
    .map(({ name }) => name);
  const named = columns.slice(0, 5).join(", ") + (columns.length > 5 ? ", …" : "");
  const what = columns.length === 0
    ? "no feature does it alone"
    : columns.length === 1
    ? `${named} alone does it`
    : `each of ${named} does it alone`;
  const text =
    `the held-out AUC is ${
      auc.toFixed(4)
    }, which real outcomes hardly ever allow: ${what}. Are all features ` +
    "known before the outcome is? If not, take those out: the model would not have them when it is asked.";
  return [{ kind: "too-good", columns, text }];
}

/** About a million rows: each feature takes a pass over them. */
const sampledChunksMax = 64;

function firstChunks(design: DesignMatrix): DesignMatrix {
  if (design.chunks.length <= sampledChunksMax) return design;
  const chunks = design.chunks.slice(0, sampledChunksMax);
  const partRows = design.partRows.map((_, part) =>
    chunks.reduce((sum, chunk) => {
      const { partEnds } = plainFields(chunk);
      return sum + partEnds[part] - (part === 0 ? 0 : partEnds[part - 1]);
    }, 0)
  );
  return partRows[testPart] === 0 ? design : { ...design, chunks, partRows };
}

/** Returns the AUC of one feature alone on the held-out rows, without its crosses and tables of two. */
function aucOfFeature(
  { design, encoder, coefficients, baseRate }: Evaluated,
  feature: FeatureEncoder,
): number | null {
  const end = feature.column + widthOf(feature);
  const axes = axesOf({ features: [feature] }).map(({ name }) => name);
  const curves = new Set(
    (encoder.tables ?? []).filter(({ of }) => of.length === 1 && axes.includes(of[0])).map(({ column }) =>
      column
    ),
  );
  const own = coefficients.map((value, column) =>
    (column >= feature.column && column < end) || curves.has(column) ? value : 0
  );
  return evaluateModel(design, { coefficients: own }, baseRate).auc;
}
