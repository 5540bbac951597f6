import { readFileSync } from "node:fs";
import { writeText } from "../pipeline/files/written_file.ts";
import {
  isWrittenByInit,
  widenedColumns,
  widenSchemaText,
  widenSpecText,
} from "../pipeline/init/widen_text.ts";
import { widerTypesOf } from "../pipeline/ingest/widening.ts";
import { applySchema } from "../pipeline/store/apply_schema.ts";
import type { Store } from "../pipeline/store/store.ts";
import type { Invocation } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

interface ConfiguredFiles {
  readonly schema: string | undefined;
  readonly spec: string | undefined;
}

/**
 * Gives columns the types that all rows need, in the schema and the feature spec that `clickwell init` wrote and a config file
 * names, and in the store.
 *
 * @returns Whether it did; false for any other error, for files of another origin, and if the column must stay as it is.
 */
export async function widenConfigured(
  error: unknown,
  store: Store,
  { options, origins, terminal, signal }: Pick<Invocation<never>, "origins" | "terminal" | "signal"> & {
    readonly options: ConfiguredFiles;
  },
): Promise<boolean> {
  const types = widerTypesOf(error);
  const { schema: schemaPath, spec: specPath } = options;
  const isConfigured = origins.schema === "config" && origins.spec === "config";
  if (!types || !isConfigured || schemaPath === undefined || specPath === undefined) return false;
  const [schema, spec] = [schemaPath, specPath].map((path) => readFileSync(path, "utf8"));
  const widened = widenSchemaText(schema, types);
  const widenedSpec = widenSpecText(spec, widenedColumns(store.db, "examples", types));
  if (!isWrittenByInit(schema) || widened === schema || widenedSpec === undefined) return false;
  await applySchema(store, {
    schema: widened,
    schemaName: schemaPath,
    mayDrop: false,
    // Numbers that were stored already would not be spelled as in their file.
    emptied: store.isNew ? [...types.keys()] : [],
    signal,
  });
  writeText(schemaPath, widened);
  writeText(specPath, widenedSpec);
  sayWidened(terminal, types);
  terminal.say(`changed ${schemaPath} and ${specPath}`);
  return true;
}

/** Says which columns have another type than before. */
export function sayWidened(terminal: Terminal, types: NonNullable<ReturnType<typeof widerTypesOf>>): void {
  for (const [table, columns] of types) {
    for (const [column, type] of columns) {
      terminal.say(`${table}.${column} is ${type}, since a row that was not looked at has another value`);
    }
  }
}
