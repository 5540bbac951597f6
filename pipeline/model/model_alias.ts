import type { ModelAlias, ModelRow } from "./registry.ts";

/** The aliases of one model, by name. */
export function aliasesOf({ modelId }: Pick<ModelRow, "modelId">, all: readonly ModelAlias[]): string[] {
  return all.filter((entry) => entry.modelId === modelId).map(({ alias }) => alias);
}
