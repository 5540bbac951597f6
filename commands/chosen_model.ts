import { Failure } from "../pipeline/failure.ts";
import { openRegistry } from "../pipeline/model/sqlite_registry.ts";

/**
 * Returns the id of a model by its id, version or alias; without one, of the model in production. A model named by its id needs no
 * store.
 *
 * @param data The data folder.
 * @param remedy What to do if no model is in production.
 * @throws {Failure} `model-unknown`, `model-missing`
 */
export async function chosenModelId(
  model: string | undefined,
  { data, remedy }: { readonly data: string; readonly remedy: string },
): Promise<string> {
  if (model !== undefined && /^cw-[0-9a-f]{16}$/.test(model)) return model;
  const registry = openRegistry(data);
  try {
    if (model !== undefined) return (await registry.findModel(model)).modelId;
    const active = await registry.activeModel();
    if (active) return active.modelId;
    throw new Failure(
      "model-missing",
      `No model is in production. Train one with clickwell train, or ${remedy}`,
    );
  } finally {
    await registry.close();
  }
}
