import { join } from "node:path";
import { defaultSpec } from "../../pipeline/examples/spec.ts";
import { Failure } from "../../pipeline/failure.ts";
import { generate } from "../../pipeline/generate/generate.ts";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { openArtifacts } from "../../pipeline/model/open_artifacts.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { openStoreToLoad } from "../../pipeline/store/store_to_load.ts";
import { defaultHyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { train } from "../../pipeline/train/train.ts";

/** The folders of a server that is measured. */
export interface Folders {
  readonly data: string;
  readonly models: string;
}

export const generatedOffers = 5_000;
const seed = 7;

/** Returns the id of the model in production, if there is one. Creates nothing. */
export async function modelInProduction(registry: Registry): Promise<string | undefined> {
  try {
    return (await registry.activeModel())?.modelId;
  } catch (error) {
    if (error instanceof Failure && error.kind === "store-missing") return undefined;
    throw error;
  }
}

/** Generates tables in the data folder and trains a model on them. @returns Its id. */
export async function trainGenerated(
  { data, models }: Folders,
  registry: Registry,
  signal: AbortSignal,
): Promise<string> {
  const directory = join(data, "generated");
  const { leads, offers, clicks } = await generate({ directory, offers: generatedOffers, seed, signal });
  const store = openStoreToLoad(data, { tables: [] });
  try {
    const files = { leads: [leads.path], offers: [offers.path], clicks: [clicks.path] };
    await ingest(store, { files, signal });
    const { model } = await train(store, { artifacts: openArtifacts({ data, models }), registry }, {
      spec: defaultSpec(),
      hyperParameters: defaultHyperParameters,
      now: Date.now() * 1000,
      signal,
    });
    return model.modelId;
  } finally {
    store.close();
  }
}
