import { Failure, fileInvalid } from "../pipeline/failure.ts";
import { readGivenFile } from "./cli/given_file.ts";
import { type RegistryOptions, withRegistry } from "./cli/registry_flags.ts";
import { parseJsonOfDoubles } from "../pipeline/exact_json.ts";

/**
 * Returns the id in a file that `--json-file` wrote, for a model that is named `@FILE`; any other name as it is.
 *
 * @throws {Failure} `file-missing`; `file-invalid` for a file without the id of a model.
 */
export function givenModel(name: string): string {
  if (!name.startsWith("@")) return name;
  const path = name.slice(1);
  const id = idIn(readGivenFile(path, "the result"));
  if (id !== undefined) return id;
  throw fileInvalid(`${path} has no model_id: expected what clickwell train --json-file writes.`);
}

function idIn(text: string): string | undefined {
  try {
    const { model_id } = parseJsonOfDoubles(text) ?? {};
    return typeof model_id === "string" ? model_id : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the id of a model by its id, version, alias or a file that names it; without one, of the model in production. A model named by its id needs no
 * store.
 *
 * @param options Where the registry is.
 * @param remedy What to do if no model is in production.
 * @throws {Failure} `model-unknown`, `model-missing`
 */
export async function chosenModelId(
  name: string | undefined,
  { options, remedy }: { readonly options: RegistryOptions; readonly remedy: string },
): Promise<string> {
  const model = name === undefined ? undefined : givenModel(name);
  if (model !== undefined && /^cw-[0-9a-f]{16}$/.test(model)) return model;
  return await withRegistry(options, async (registry) => {
    if (model !== undefined) return (await registry.findModel(model)).modelId;
    const active = await registry.activeModel();
    if (active) return active.modelId;
    throw new Failure(
      "model-missing",
      `No model is in production. Train one with clickwell train, or ${remedy}`,
    );
  });
}
