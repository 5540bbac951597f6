import { setAlias } from "../../pipeline/model/model_alias.ts";
import { openStore } from "../../pipeline/store/store.ts";
import type { ServedModels } from "../served_models.ts";

/** Lets an alias stand for the model that is not in production. */
export function aliasSecond(
  { dataDir, second }: Pick<ServedModels, "dataDir" | "second">,
  alias: string,
): void {
  const store = openStore(dataDir, { mode: "write" });
  try {
    setAlias(store, { model: second.id, alias, setAt: 4_000_000, setBy: "test" });
  } finally {
    store.close();
  }
}
