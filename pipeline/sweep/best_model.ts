import type { ArtifactMetadata, Metrics } from "../model/artifact_metadata.ts";
import { Failure } from "../failure.ts";
import type { ModelRow, Models, Registry } from "../model/registry.ts";
import type { Store } from "../store/store.ts";
import type { FeatureSearch } from "../train/found/find_features.ts";
import { train, type TrainOptions } from "../train/train.ts";

/** The model of a sweep's best candidate. */
export interface BestModel {
  readonly model: ModelRow;
  readonly metrics: Metrics;
  readonly notes: readonly string[];
  readonly warnings: NonNullable<ArtifactMetadata["warnings"]>;
  /** Present if tables were searched for in this run. */
  readonly search?: FeatureSearch;
  /** Duration of the training; 0 if an earlier run trained the model. */
  readonly seconds: number;
}

/**
 * Trains the best candidate as `clickwell train` would.
 *
 * @param knownId The model that an earlier run of the sweep trained: it is used if it is registered and its files are whole.
 */
export async function trainBest(
  store: Store,
  models: Models,
  knownId: string | undefined,
  options: TrainOptions,
): Promise<BestModel> {
  const known = await knownModel(models, knownId);
  if (known) return known;
  const { model, artifact, search, seconds } = await train(store, models, options);
  const { metrics, notes, warnings = [] } = artifact.metadata;
  return { model, metrics, notes, warnings, ...(search ? { search } : {}), seconds: seconds.total };
}

async function knownModel(
  { artifacts, registry }: Models,
  modelId: string | undefined,
): Promise<BestModel | undefined> {
  const model = (await registry.listModels()).find((row) => row.modelId === modelId);
  if (!model) return undefined;
  try {
    const { metrics, notes, warnings = [] } = (await artifacts.read(model.modelId)).metadata;
    return { model, metrics, notes, warnings, seconds: 0 };
  } catch (error) {
    // Lost or damaged: training writes the same files again.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Puts the model in production if asked for. @returns Whether it is there now. */
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
