import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { writeText } from "../pipeline/files/written_file.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import { schemaText } from "../pipeline/init/schema_text.ts";
import { configText, specText } from "../pipeline/init/settings_text.ts";
import { isObjectUrl } from "../pipeline/object_store/object_url.ts";
import type { FilesProposal } from "../pipeline/init/propose_files.ts";
import { createDataFolder } from "../pipeline/store/store_file.ts";

/** The files that a proposal is written to. */
export interface ProposedFiles {
  readonly folder: string;
  readonly schema: ProposedFile;
  readonly spec: ProposedFile;
  readonly config: ProposedFile;
}

export interface ProposedFile {
  readonly path: string;
  readonly text: string;
}

/** @param models The folder of the models, or a URL; default: `models` in the folder of the files. */
export function proposedFiles(
  proposal: Proposal,
  folder: string,
  models: string = join(folder, "models"),
): ProposedFiles {
  const pathOf = (path: string) => relative(resolve(folder), resolve(path));
  return {
    folder,
    schema: { path: join(folder, "schema.sql"), text: schemaText(proposal) },
    spec: { path: join(folder, "features.json"), text: specText(proposal) },
    config: {
      path: join(folder, "clickwell.json"),
      text: configText(proposal, pathOf, isObjectUrl(models) ? models : pathOf(models)),
    },
  };
}

export function listFiles({ schema, spec, config }: ProposedFiles): ProposedFile[] {
  return [schema, spec, config];
}

/** Returns the paths of files that exist. */
export function existing(files: ProposedFiles): string[] {
  return listFiles(files).map(({ path }) => path).filter((path) => existsSync(path));
}

/** Returns the paths of files that exist with another text. */
export function edited(files: ProposedFiles): string[] {
  return listFiles(files).filter(({ path, text }) => existsSync(path) && readFileSync(path, "utf8") !== text)
    .map(({ path }) => path);
}

/** Writes the files, in place of those that exist. @returns What was written, in a line for people. */
export function writeProposed(files: ProposedFiles): string {
  createDataFolder(files.folder);
  for (const { path, text } of listFiles(files)) writeText(path, text);
  return `wrote ${listFiles(files).map(({ path }) => path).join(", ")}`;
}

/** Returns what `--json` prints of a proposal. */
export function proposalResult(
  { proposal: { label, tables, features, leftOut }, left }: FilesProposal,
  { schema, spec, config }: ProposedFiles,
): Record<string, unknown> {
  return {
    schema: schema.path,
    spec: spec.path,
    config: config.path,
    label: label.name,
    tables: Object.fromEntries(
      tables.map(({ name, paths }) => [name, paths.length === 1 ? paths[0] : paths]),
    ),
    features,
    left_out: leftOut.map(({ column, why }) => ({ column, why })),
    ...left.length === 0 ? {} : { left_files: left },
  };
}
