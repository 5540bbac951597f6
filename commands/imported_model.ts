import { usageInvalid } from "../pipeline/failure.ts";
import { folderSource, importModel, type ModelSource } from "../pipeline/export/import_model.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import type { Models } from "../pipeline/model/registry.ts";
import { isObjectUrl, parseObjectUrl } from "../pipeline/object_store/object_url.ts";
import type { Flags } from "./cli/command.ts";
import { openRegistryOf, type RegistryOptions } from "./cli/registry_flags.ts";
import type { Terminal } from "./cli/terminal.ts";

/** The flag by which a server gets a model that is deployed with it, as on KServe and Vertex AI. */
export const importFlag = {
  import: {
    type: "string",
    value: "DIR|URL",
    path: "whole",
    help:
      "register the one model in a folder, or below s3:// or gs://, and put it in production at the start [on Vertex AI AIP_STORAGE_URI]",
  },
} as const satisfies Flags;

/**
 * Registers a model and puts it in production, unless it is there already.
 *
 * @param place The folder of an export or of one model, or the URL of one in an object store.
 * @throws {Failure} `usage-invalid` for a registry that other servers share; as `importModel` and `Registry.assign`
 */
export async function importAtStart(
  place: string,
  options: RegistryOptions & { readonly models: string },
  terminal: Terminal,
): Promise<void> {
  if (options.registry !== undefined) {
    throw usageInvalid(
      `The model of ${place} would be put in production for every server of the registry, at each start of one. Leave --import (on ` +
        "Vertex AI, artifactUri) out, or --registry; clickwell models import and activate do it once.",
    );
  }
  const registry = await openRegistryOf(options);
  try {
    await assignImported({ registry, artifacts: openArtifacts(options) }, place, terminal);
  } finally {
    await registry.close();
  }
}

async function assignImported(models: Models, place: string, terminal: Terminal): Promise<void> {
  const { registry } = models;
  const { modelId } = await importModel(models, await sourceOf(place), { mayBeBare: true });
  if ((await registry.activeModel())?.modelId === modelId) return;
  const { version } = await registry.assign({
    modelId,
    assignedAt: Date.now() * 1000,
    assignedBy: "clickwell serve",
    reason: `imported from ${place}`,
  });
  terminal.say(`${modelId}, version ${version}, from ${place}, is in production.`);
}

async function sourceOf(place: string): Promise<ModelSource> {
  if (!isObjectUrl(place)) return folderSource(place);
  const { openObjects } = await import("../pipeline/object_store/open_objects.ts");
  return openObjects(parseObjectUrl(place));
}
