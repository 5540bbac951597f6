import { testPart, trainTestSplit } from "../examples/split.ts";
import { usageInvalid } from "../failure.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";

/** A row of the view, by what a split looks at. */
export interface SplitRow {
  readonly id: unknown;
  /** Hash of the group. */
  readonly group: number;
  /** Time of the row in the unit of the time column; NaN is missing. */
  readonly time: number;
}

/** Whether a row was held out from a training, or has been added since. */
export type HeldOut = (row: SplitRow) => "held out" | "newer" | "not held out";

/**
 * Returns a function that finds a model's held-out rows again. They follow from the split and the seed, and for a split by time from
 * the times that the model keeps; they are not stored.
 *
 * @param metadata Of the model, or of the one that it continues.
 * @throws {Failure} `usage-invalid` if the model held no rows out.
 */
export function heldOutRows(modelId: string, { hyperParameters, data }: ArtifactMetadata): HeldOut {
  if (data.rows.test === 0) {
    throw usageInvalid(
      `The model ${modelId} held no rows out: name files with other rows, clickwell evaluate ${modelId} FILE…`,
    );
  }
  const { held_out_from: from, mature_until: until = Infinity } = data.times ?? {};
  const hasTimes = data.times !== undefined;
  const { partOf } = trainTestSplit({
    seed: Number(hyperParameters.seed),
    testShare: Number(hyperParameters.testShare),
    negatives: 1,
  });
  const lastId = data.last_id === undefined ? undefined : BigInt(data.last_id);
  return ({ id, group, time }) => {
    const isHeldOut = from === undefined ? partOf(group, 0, 0) === testPart : time >= from;
    if (!isHeldOut || (hasTimes && !(time <= until))) return "not held out";
    const isNewer = lastId !== undefined && (typeof id === "number" || typeof id === "bigint") && id > lastId;
    return isNewer ? "newer" : "held out";
  };
}

/** Returns whether the held-out rows of one model are held out by another one, too: it is otherwise trained on some of them. */
export function holdsOutTheSame(a: ArtifactMetadata, b: ArtifactMetadata): boolean {
  const ruleOf = (
    { hyperParameters: { seed, testShare, split = "" }, spec: { view, group }, data }: ArtifactMetadata,
  ) => JSON.stringify([view, split === "" ? [seed, testShare, group] : data.times?.held_out_from]);
  return ruleOf(a) === ruleOf(b);
}
