import { join } from "node:path";
import { layoutOf } from "../pipeline/store/layout.ts";
import type { TrainReport } from "../pipeline/train/register.ts";
import type { commonFlags, Invocation } from "./cli/command.ts";

/** The folders of a command, and the sources of these settings. */
export interface Folders extends Pick<Invocation<typeof commonFlags>, "options" | "origins"> {
  /** The config file, if the command wrote it. */
  readonly settingsPath?: string;
}

/** Returns the last line of a training: the model with which `clickwell serve` answers, and where things are. */
export function closingLine(
  { model, production, artifact: { metadata } }: Pick<TrainReport, "model" | "production" | "artifact">,
  folders: Folders,
): string {
  const { data, models } = folders.options;
  const flags = folderFlags(folders);
  const active = production.modelId === model.modelId
    ? `clickwell serve${flags} answers with this model`
    : `clickwell serve${flags} still answers with ${production.modelId}, version ${production.version}; to change it: ` +
      `clickwell models activate ${model.modelId}${flags}`;
  const settings = folders.settingsPath === undefined ? "" : `; settings: ${folders.settingsPath}`;
  const { engine } = metadata.data;
  const rows = engine ? `Rows: ${engine.view} in ${engine.name}` : `Tables: ${layoutOf(data).tables}`;
  return `${active}. ${rows}; models: ${models}${settings}`;
}

/** Returns the flags with which another command uses the same folders, each after a space. */
export function folderFlags({ options: { data, models, config }, origins }: Folders): string {
  const isInConfig = [origins.data, origins.models].includes("config");
  const found = origins.data !== "default" && models === join(data, "models");
  const flags = [
    ...(isInConfig && config !== undefined && origins.config === "flag" ? ["--config", config] : []),
    ...(origins.data === "flag" ? ["--data", data] : []),
    ...(origins.models === "flag" && !found ? ["--models", models] : []),
    // The URL may have a password.
    ...(origins.registry === "flag" ? ["--registry", "URL"] : []),
  ];
  return flags.map((word) => ` ${shellWord(word)}`).join("");
}

/** Returns a word as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
