import type { NoteEntry, Registry } from "../pipeline/model/registry.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** `clickwell models name MODEL TEXT` and `clickwell models note MODEL TEXT` */
export async function noteModel(registry: Registry, entry: NoteEntry, terminal: Terminal): Promise<Result> {
  const row = await registry.setNote(entry);
  const { modelId, version } = row;
  const what = entry.name === undefined ? "note" : "name";
  const text = row[what];
  terminal.say(
    text === undefined
      ? `${modelId}, version ${version}, has no ${what} now.`
      : `The ${what} of ${modelId}, version ${version}, is "${text}".`,
  );
  return { model_id: modelId, version, ...textsOf(row) };
}

/** Returns a model's name and note for `--json`: null if it has none. */
export function textsOf({ name = null, note = null }: { name?: string | null; note?: string | null }) {
  return { name, note };
}
