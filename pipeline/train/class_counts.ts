import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges, hasWeights } from "../encode/design_matrix.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { excludedPart, leftOutPart, testPart, trainPart } from "../examples/split.ts";
import { Failure } from "../failure.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";

/** Sums over the rows of each part of a design, shape (parts) each. */
export interface PartSums {
  /** Number of clicked rows. */
  readonly clicks: readonly number[];
  /** Sum of the rows' weights; the number of rows if the spec names no weight. */
  readonly weights: readonly number[];
  /** Sum of the clicked rows' weights. */
  readonly clickWeights: readonly number[];
}

export function partSumsOf(design: DesignMatrix): PartSums {
  const [clicks, weights, clickWeights] = [0, 1, 2].map(() => design.partRows.map(() => 0));
  for (const chunk of loadEach(design.chunks)) {
    const { labels, weights: own } = chunk;
    for (const part of clicks.keys()) {
      forRowRanges(chunk, [part], (from, to) => {
        for (let i = from; i < to; i++) clicks[part] += labels[i];
        for (let i = from; own && i < to; i++) {
          weights[part] += own[i];
          clickWeights[part] += own[i] * labels[i];
        }
      });
    }
  }
  return hasWeights(design)
    ? { clicks, weights, clickWeights }
    : { clicks, weights: design.partRows, clickWeights: clicks };
}

/** Rows and clicks of the parts that `trainTestSplit` makes. */
export interface ClassCounts extends PartCounts {
  /** The same, each row counted by its weight. */
  readonly sums: PartCounts;
  /** Weighted click rate of the training rows before any was left out. */
  readonly baseRate: number;
}

interface PartCounts {
  readonly rows: {
    readonly train: number;
    readonly test: number;
    readonly left_out: number;
    /** Rows of the early-stopping part, if training may stop early. */
    readonly validation?: number;
  };
  readonly clicks: { readonly train: number; readonly test: number };
}

/** Returns the number of rows of all parts but the excluded one. */
export function usedRows({ partRows }: DesignMatrix): number {
  return partRows.reduce((sum, rows, part) => part === excludedPart ? sum : sum + rows, 0);
}

/** Counts the rows and clicks of each part. @throws {Failure} `examples-invalid` unless the training rows have both labels. */
export function requireBothClasses(design: DesignMatrix): ClassCounts {
  return classCountsOf(design.partRows, partSumsOf(design));
}

/** As `requireBothClasses`, from sums over the parts. @param partRows Rows per part. @param remedy How to get more rows. */
export function classCountsOf(
  partRows: readonly number[],
  { clicks, weights, clickWeights }: PartSums,
  remedy = "load more rows with clickwell ingest (and the table that the label comes from)",
): ClassCounts {
  const train = partRows[trainPart];
  if (train === 0 || clicks[trainPart] === 0 || clicks[trainPart] === train) {
    throw new Failure(
      "examples-invalid",
      `There is nothing to learn: of the ${train} training rows, ${
        clicks[trainPart]
      } have label 1. Training needs rows of both labels: ${remedy}, or hold out less with --test-share.`,
    );
  }
  return {
    ...partCounts(partRows, clicks),
    sums: partCounts(weights, clickWeights),
    baseRate: clickWeights[trainPart] / (weights[trainPart] + weights[leftOutPart]),
  };
}

function partCounts(
  [train, test, leftOut, validation, excluded]: readonly number[],
  clicks: readonly number[],
): PartCounts {
  // A split that excludes rows has a validation part even if training does not stop early.
  const hasValidation = validation !== undefined && (validation > 0 || excluded === undefined);
  return {
    rows: { train, test, left_out: leftOut, ...(hasValidation ? { validation } : {}) },
    clicks: { train: clicks[trainPart], test: clicks[testPart] },
  };
}

/** Returns row counts in the form of a model's metadata. */
export function rowCountsOf(
  { rows }: Pick<ClassCounts, "rows">,
  { read, noLabel, zeroWeight, straddling, immature, noTime }: RowAccount,
): ArtifactMetadata["data"]["rows"] {
  return {
    ...rows,
    read,
    no_label: noLabel,
    zero_weight: zeroWeight,
    ...(straddling === undefined ? {} : { straddling }),
    ...(immature === undefined ? {} : { immature }),
    ...(noTime === undefined ? {} : { no_time: noTime }),
  };
}
