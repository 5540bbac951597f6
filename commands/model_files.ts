import { exportModel } from "../pipeline/export/export_model.ts";
import { folderSource, importModel } from "../pipeline/export/import_model.ts";
import type { Models } from "../pipeline/model/registry.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** `clickwell models export MODEL DIR` */
export async function saveModel(
  { registry, artifacts }: Models,
  { model, folder, replace }: { readonly model: string; readonly folder: string; readonly replace: boolean },
  terminal: Terminal,
): Promise<Result> {
  const row = await registry.findModel(model);
  const { files, leftOut } = await exportModel(row, { artifacts, folder, replace });
  terminal.say(`Exported ${row.modelId}, version ${row.version}, to ${folder}: ${files.join(", ")}.`);
  for (const { file, why } of leftOut) terminal.say(`It has no ${file}: ${why}.`);
  return { model_id: row.modelId, version: row.version, path: folder, files, left_out: leftOut };
}

/** `clickwell models import DIR` */
export async function takeModel(models: Models, folder: string, terminal: Terminal): Promise<Result> {
  const { modelId, version } = await importModel(models, folderSource(folder), { mayBeBare: false });
  terminal.say(
    `Imported ${modelId} as version ${version}: clickwell models activate ${version} puts it in production.`,
  );
  return { model_id: modelId, version };
}
