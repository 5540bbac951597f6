import { readArtifact } from "../model/artifact.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { Failure } from "../failure.ts";
import type { ModelRow, Models, Registry } from "../model/registry.ts";
import type { Store } from "../store/store.ts";
import { train, type TrainOptions } from "../train/train.ts";

/** The model of a sweep's best candidate. */
export interface WinnersModel {
  readonly model: ModelRow;
  readonly metrics: Metrics;
  readonly notes: readonly string[];
  /** How long it was trained; 0 where it was there. */
  readonly seconds: number;
}

/**
 * Trains the best candidate as `clickwell train` would.
 *
 * @param knownId The model that an earlier run of the sweep trained: it is taken where it is registered and whole.
 */
export async function trainBest(
  store: Store,
  models: Models,
  knownId: string | undefined,
  options: TrainOptions,
): Promise<WinnersModel> {
  const known = await knownModel(models, knownId);
  if (known) return known;
  const { model, artifact, seconds } = await train(store, models, options);
  const { metrics, notes } = artifact.metadata;
  return { model, metrics, notes, seconds: seconds.total };
}

async function knownModel(
  { dir, registry }: Models,
  modelId: string | undefined,
): Promise<WinnersModel | undefined> {
  const model = (await registry.listModels()).find((row) => row.modelId === modelId);
  if (!model) return undefined;
  try {
    const { metrics, notes } = readArtifact(dir, model.modelId).metadata;
    return { model, metrics, notes, seconds: 0 };
  } catch (error) {
    // Lost or damaged: training makes the same files again.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Puts the model in production where that was asked for. @returns Whether it is there now. */
export async function activateBest(
  registry: Registry,
  { modelId }: ModelRow,
  sweepKey: string,
  { activate, now }: { activate: boolean; now: number },
): Promise<boolean> {
  const current = (await registry.activeModel())?.modelId;
  if (current === modelId || !activate) return current === modelId;
  await registry.assign({
    modelId,
    assignedAt: now,
    assignedBy: "clickwell sweep",
    reason: `the best of sweep ${sweepKey}`,
  });
  return true;
}
