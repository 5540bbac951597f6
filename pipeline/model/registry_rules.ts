import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import type { Assignment, ModelRow } from "./registry.ts";

/** A row of a table of the registry. Integers may be texts. */
export type RegistryRow = Readonly<Record<string, unknown>>;

const aliasPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** Names that could be mistaken for a model's id or version, now or later. */
const reservedPattern = /^(?:cw-.*|[0-9]+)$/;
/** Maximum lengths of a model's name and note, in UTF-16 code units. */
const lengthsMax = { name: 100, note: 10_000 } as const;

/** Returns the version that a name of a model is; undefined if it is an id or an alias. */
export function versionOf(name: string): number | undefined {
  return /^[0-9]{1,15}$/.test(name) ? Number(name) : undefined;
}

/** @param row With the columns of `models`, `name` and `note`; JSON is text, or parsed already. */
export function modelRow(row: RegistryRow): ModelRow {
  return {
    modelId: String(row.model_id),
    version: Number(row.version),
    createdAt: Number(row.created_at),
    hyperParameters: parseJsonOfDoubles(String(row.hyper_parameters)),
    metrics: parseJsonOfDoubles(String(row.metrics)),
    checksum: String(row.checksum),
    ...(typeof row.name === "string" ? { name: row.name } : {}),
    ...(typeof row.note === "string" ? { note: row.note } : {}),
  };
}

/** @param row With the columns of `production_model`, and `version`. */
export function assignmentOf(row: RegistryRow): Assignment {
  return {
    assignmentId: Number(row.assignment_id),
    modelId: String(row.model_id),
    version: Number(row.version),
    assignedAt: Number(row.assigned_at),
    assignedBy: String(row.assigned_by),
    reason: row.reason === null ? null : String(row.reason),
  };
}

/** Returns the row of a model that was looked up. @throws {Failure} `model-unknown` */
export function foundModel(row: RegistryRow | undefined, name: string): ModelRow {
  if (!row) {
    throw new Failure(
      "model-unknown",
      `There is no model "${name.slice(0, 80)}". GET /models or clickwell models list shows those there are.`,
    );
  }
  if (row.deleted_at !== null) {
    throw new Failure(
      "model-unknown",
      `The model ${row.model_id}, version ${row.version}, was deleted at ${
        new Date(Number(row.deleted_at) / 1000).toISOString()
      }. The history still has its assignments; training it again, or clickwell models import, brings it back.`,
    );
  }
  return modelRow(row);
}

/** The failure of `Registry.assignmentAt`. @param at Microseconds since 1970-01-01T00:00:00Z. */
export function nothingAssignedAt(at: number): Failure {
  return new Failure(
    "assignment-missing",
    `No model was in production at ${
      new Date(at / 1000).toISOString()
    }. GET /model/history shows when the first was assigned.`,
  );
}

/** The failure of `Registry.previousModel`. */
export function nothingBefore(): Failure {
  return new Failure(
    "rollback-impossible",
    "There is no model to go back to: no other model was in production before. GET /model/history and clickwell models " +
      "history show the history.",
  );
}

/** The failure of an assignment that expects another model in production. */
export function otherInProduction(current: Assignment | undefined, expected: string): Failure {
  return new Failure(
    "assignment-conflict",
    `The model in production is ${current?.modelId ?? "none"}, not ${
      expected.slice(0, 80)
    }: read GET /model and decide again.`,
  );
}

/** @throws {Failure} `input-invalid` */
export function requireAlias(alias: string): void {
  if (aliasPattern.test(alias) && !reservedPattern.test(alias)) return;
  throw new Failure(
    "input-invalid",
    `"${
      alias.slice(0, 80)
    }" cannot be an alias: expected 1 to 64 lower-case letters, digits, _ and -, not a number ` +
      "and not the beginning of an id, cw-.",
    [{ pointer: "#/alias", detail: "is not a valid alias" }],
  );
}

/** The failure of removing an alias. @param row The model that was to have it, if one was named. */
export function aliasUnknown(alias: string, row: ModelRow | undefined): Failure {
  return new Failure(
    "alias-unknown",
    `${row ? `The model ${row.modelId} has` : "There is"} no alias "${
      alias.slice(0, 80)
    }". GET /models or clickwell ` +
      "models list shows those there are.",
  );
}

/** @throws {Failure} `model-in-production` if the model must not be deleted. @param aliases Its aliases. */
export function requireUnused(
  { modelId, version }: ModelRow,
  { active, aliases }: { readonly active: Assignment | undefined; readonly aliases: readonly string[] },
): void {
  const what = `Cannot delete ${modelId}, version ${version}`;
  if (active?.modelId === modelId) {
    throw new Failure(
      "model-in-production",
      `${what}: it is in production. Put another model in production first.`,
    );
  }
  const [alias] = aliases;
  if (alias === undefined) return;
  throw new Failure(
    "model-in-production",
    `${what}: ${alias} is an alias of it. Remove the alias (clickwell models unalias ${alias}) or point it at another model.`,
  );
}

/** Returns a name or a note as it is kept: null for none. @throws {Failure} `input-invalid` if it is too long. */
export function keptText(member: keyof typeof lengthsMax, text: string): string | null {
  if (text.length > lengthsMax[member]) {
    throw new Failure(
      "input-invalid",
      `The ${member} has ${text.length} characters, expected at most ${lengthsMax[member]}.`,
    );
  }
  return text.trim() === "" ? null : text.trim();
}
