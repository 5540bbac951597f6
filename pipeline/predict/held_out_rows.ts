import { testPart, trainTestSplit } from "../examples/split.ts";
import { usageInvalid } from "../failure.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";

/** How a model's held-out rows are found again. */
export interface HeldOut {
  /**
   * Whether a row is of the part that was held out, unless it has been added since.
   *
   * @param group Hash of the row's group.
   * @param time Time of the row in the unit of the time column; NaN is missing.
   */
  isHeldOut(group: number, time: number): boolean;
  /** Rows with a greater id have been added since the training; absent if the ids do not tell. */
  readonly after?: bigint;
}

/**
 * Returns how a model's held-out rows are found again. They follow from the split and the seed, and for a split by time from
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
  return {
    isHeldOut: (group, time) =>
      (from === undefined ? partOf(group, 0, 0) === testPart : time >= from) && (!hasTimes || time <= until),
    ...(data.last_id === undefined ? {} : { after: BigInt(data.last_id) }),
  };
}

/** Returns whether the held-out rows of one model are held out by another one, too: it is otherwise trained on some of them. */
export function holdsOutTheSame(a: ArtifactMetadata, b: ArtifactMetadata): boolean {
  const ruleOf = (
    { hyperParameters: { seed, testShare, split = "" }, spec: { view, group }, data }: ArtifactMetadata,
  ) => JSON.stringify([view, split === "" ? [seed, testShare, group] : data.times?.held_out_from]);
  return ruleOf(a) === ruleOf(b);
}
