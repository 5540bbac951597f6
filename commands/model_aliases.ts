import type { Registry } from "../pipeline/model/registry.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** `clickwell models alias MODEL NAME` */
export async function addAlias(
  registry: Registry,
  { model, alias }: { readonly model: string; readonly alias: string },
  terminal: Terminal,
): Promise<Result> {
  const { modelId, version } = await registry.setAlias({
    model,
    alias,
    setAt: Date.now() * 1000,
    setBy: "clickwell models",
  });
  terminal.say(`${alias} is an alias of ${modelId}, version ${version}.`);
  return { alias, model_id: modelId, version };
}

/** `clickwell models unalias NAME` */
export async function dropAlias(registry: Registry, alias: string, terminal: Terminal): Promise<Result> {
  const { modelId, version } = await registry.removeAlias({ alias });
  terminal.say(`Removed the alias ${alias} of ${modelId}, version ${version}.`);
  return { alias, model_id: modelId, version };
}

/** `clickwell models aliases` */
export async function sayAliases(registry: Registry, terminal: Terminal): Promise<Result> {
  const aliases = await registry.aliases();
  if (aliases.length === 0) terminal.say("There are no aliases: clickwell models alias MODEL NAME sets one.");
  for (const { alias, modelId } of aliases) terminal.say(`${alias}  ${modelId}`);
  return { aliases: aliases.map(({ alias, modelId }) => ({ alias, model_id: modelId })) };
}
