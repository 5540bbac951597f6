import { listAliases, removeAlias, setAlias } from "../pipeline/model/model_alias.ts";
import type { Store } from "../pipeline/store/store.ts";
import type { Result } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** `clickwell models alias MODEL NAME` */
export function addAlias(
  store: Store,
  { model, alias }: { readonly model: string; readonly alias: string },
  terminal: Terminal,
): Result {
  const { modelId, version } = setAlias(store, {
    model,
    alias,
    setAt: Date.now() * 1000,
    setBy: "clickwell models",
  });
  terminal.say(`${alias} stands for ${modelId}, version ${version}.`);
  return { alias, model_id: modelId, version };
}

/** `clickwell models unalias NAME` */
export function dropAlias(store: Store, alias: string, terminal: Terminal): Result {
  const { modelId, version } = removeAlias(store, { alias });
  terminal.say(`${alias} stood for ${modelId}, version ${version}, and stands for nothing now.`);
  return { alias, model_id: modelId, version };
}

/** `clickwell models aliases` */
export function sayAliases(store: Store, terminal: Terminal): Result {
  const aliases = listAliases(store);
  if (aliases.length === 0) terminal.say("There are no aliases: clickwell models alias MODEL NAME sets one.");
  for (const { alias, modelId } of aliases) terminal.say(`${alias}  ${modelId}`);
  return { aliases: aliases.map(({ alias, modelId }) => ({ alias, model_id: modelId })) };
}
