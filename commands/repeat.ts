import { Failure } from "../pipeline/failure.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { artifactId } from "../pipeline/model/artifact.ts";
import { parseSpec } from "../pipeline/examples/spec.ts";
import type { Models } from "../pipeline/model/registry.ts";
import type { Store } from "../pipeline/store/store.ts";
import { defaultHyperParameters, type HyperParameters } from "../pipeline/train/hyper_parameters.ts";
import { trainModel, type TrainOptions } from "../pipeline/train/train.ts";
import type { Terminal } from "./cli/terminal.ts";

/**
 * Trains a model again from its own metadata and compares the bytes: `clickwell train --repeat MODEL`. Nothing is saved.
 *
 * @throws {Failure} `not-repeated` if they differ.
 */
export async function repeat(
  store: Store,
  { artifacts, registry }: Models,
  idOrVersion: string,
  shared: Omit<TrainOptions, "spec" | "hyperParameters">,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  const { modelId } = await registry.findModel(idOrVersion);
  const { metadata: before } = await artifacts.read(modelId);
  const { metadata } = await trainModel(store, {
    ...shared,
    spec: parseSpec(before.spec, `of ${modelId}`),
    // Reading the artifact has checked them; a model of a later version may have settings that this one does not know.
    hyperParameters: { ...defaultHyperParameters, ...before.hyperParameters } as HyperParameters,
  });
  const repeatedId = artifactId(metadata);
  const agrees = repeatedId === modelId;
  const reasons = agrees ? [] : differences(before, metadata);
  const report = { model_id: modelId, repeated_id: repeatedId, agrees, reasons };
  if (!agrees) {
    throw new Failure(
      "not-repeated",
      `${modelId} was not repeated, the training gives ${repeatedId}: ${reasons.join("; ")}.`,
      [],
      report,
    );
  }
  terminal.say(`${modelId} was repeated: every byte agrees.`);
  return report;
}

/** Why a repeated training gave another model, likely causes first. */
function differences(before: ArtifactMetadata, now: ArtifactMetadata): string[] {
  const names = Object.keys({ ...before, ...now }) as (keyof ArtifactMetadata)[];
  const differing = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  return [
    ...(now.program === before.program
      ? []
      : [`it was trained by clickwell ${before.program}, this is ${now.program}`]),
    ...(now.data.fingerprint === before.data.fingerprint
      ? []
      : ["the examples in the store are not those it was trained on"]),
    ...(now.solver.backend === before.solver.backend ? [] : [
      `it was trained by tfjs on the backend ${before.solver.backend ?? "wasm"}, here on ${
        now.solver.backend ?? "wasm"
      }`,
    ]),
    `what differs in the metadata is ${differing.join(", ")}`,
  ];
}
