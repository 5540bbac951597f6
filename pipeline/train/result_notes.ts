import { plainFields } from "../chunks/stored_chunk.ts";
import { testPart } from "../examples/split.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { type Encoder, type FeatureEncoder, widthOf } from "../encode/encoder.ts";
import { evaluateModel } from "../fit/evaluate.ts";
import type { Metrics } from "../model/artifact_metadata.ts";

/** Fewer held-out rows than this say little. */
const testRowsMin = 20;
/** Hardly any real data can be told apart so well. */
const suspiciousAuc = 0.9999;

export interface HeldOut {
  readonly testShare: number;
  readonly rows: number;
  /** Rows with label 1. */
  readonly ones: number;
}

/** What a reader should know about the rows that the metrics are made of, in words. */
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

/** A note if the held-out rows are told apart too well to be true, with the features that do it alone. */
export function leakNotes(evaluated: Evaluated): string[] {
  const { auc } = evaluated.metrics;
  // Of weights near the largest number, whose products are infinite, none is known.
  if (auc === null || !Number.isFinite(auc) || auc < suspiciousAuc) return [];
  const { features } = evaluated.encoder;
  const sample = { ...evaluated, design: firstChunks(evaluated.design) };
  const alone = features.filter((feature) => (aucOfFeature(sample, feature) ?? 0) >= suspiciousAuc)
    .map(({ name }) => name);
  const named = alone.slice(0, 5).join(", ") + (alone.length > 5 ? ", …" : "");
  const what = alone.length === 0
    ? "no feature does it alone"
    : alone.length === 1
    ? `${named} alone does it`
    : `each of ${named} does it alone`;
  return [
    `the held-out AUC is ${
      auc.toFixed(4)
    }, which real outcomes hardly ever allow: ${what}. Are all features known before the ` +
    "outcome is? If not, take those out: the model would not have them when it is asked.",
  ];
}

/** About a million rows: there is a walk over them for each feature. */
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

/** AUC on the held-out rows of what one feature adds, without its crosses. */
function aucOfFeature({ design, coefficients, baseRate }: Evaluated, feature: FeatureEncoder): number | null {
  const end = feature.column + widthOf(feature);
  const own = coefficients.map((value, column) => column >= feature.column && column < end ? value : 0);
  return evaluateModel(design, own, baseRate).auc;
}
