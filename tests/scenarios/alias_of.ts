import { setAlias } from "../../pipeline/model/alias_queries.ts";
import { inRegistry } from "../support/registry_file.ts";
import type { ServedModels } from "../support/served_models.ts";

/** Sets an alias for the model that is not in production. */
export function aliasSecond(
  { dataDir, second }: Pick<ServedModels, "dataDir" | "second">,
  alias: string,
): void {
  inRegistry(
    dataDir,
    (file) => setAlias(file, { model: second.id, alias, setAt: 4_000_000, setBy: "test" }),
  );
}
