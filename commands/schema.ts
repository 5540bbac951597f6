import { dirname } from "node:path";
import { removeCachedExamples } from "../pipeline/examples/cache/cached_examples.ts";
import { usageInvalid } from "../pipeline/failure.ts";
import { applySchema } from "../pipeline/store/apply_schema.ts";
import {
  planSchemaChange,
  requireNoDrop,
  type SchemaChange,
  type TableChange,
} from "../pipeline/store/schema_change.ts";
import { openStore } from "../pipeline/store/store.ts";
import { command, commonFlags } from "./cli/command.ts";
import { readSchema } from "./cli/schema_file.ts";
import { counted } from "../pipeline/counted.ts";

export default command({
  name: "schema",
  summary: "change the tables and the view of a store",
  description: [
    "apply FILE changes the tables, columns and views of the store to those that FILE creates, and prints what changes. Rows keep",
    "their values; models, their history and aliases stay; a running server goes on. It is one transaction: if a row does not fit,",
    "nothing changes. Tables and columns that FILE does not have are dropped only with --drop. Only what FILE creates counts:",
    "any other statement has no effect.",
    "",
    "A file that was loaded before can be loaded again for a column that was added: clickwell ingest --on-conflict replace.",
  ].join("\n"),
  positionals: { name: "apply FILE", help: "SQL of your tables and their view examples", min: 2, max: 2 },
  flags: {
    "dry-run": { type: "boolean", help: "print what would change, and change nothing" },
    drop: { type: "boolean", help: "drop the tables and columns that FILE does not have, with their values" },
    ...commonFlags,
  },
  examples: [
    ["clickwell schema apply my.sql --dry-run", "what would change"],
    ["clickwell schema apply my.sql --data mine", "change the store in the folder mine"],
  ],
  async run({ options, positionals: [verb, path], terminal, signal }) {
    if (verb !== "apply") throw usageInvalid(`clickwell schema has no "${verb}", expected apply.`);
    const schema = readSchema(path);
    const isDry = options["dry-run"];
    const store = openStore(options.data, { mode: isDry ? "read" : "write" });
    try {
      const { change } = planSchemaChange(store.db, schema);
      for (const line of describeChange(change)) terminal.say(line);
      if (!options.drop) requireNoDrop(change, path);
      if (isDry) {
        terminal.say("Nothing was changed (--dry-run).");
        return { ...change, applied: false };
      }
      const applied = await applySchema(store, { schema, schemaName: path, mayDrop: options.drop, signal });
      removeCachedExamples(dirname(store.path));
      if (hasNewValues(applied)) {
        terminal.say(
          "Load the files again with clickwell ingest --on-conflict replace for the values of new columns.",
        );
      }
      return { ...applied, applied: true };
    } finally {
      store.close();
    }
  },
});

function describeChange({ tables, others }: SchemaChange): string[] {
  const lines = [
    ...tables.flatMap(describeTable),
    ...others.map(({ type, name, change }) => `${type} ${name}: ${change}`),
  ];
  return lines.length > 0 ? lines : ["The store has this schema already."];
}

function describeTable({ table, change, rows, columns }: TableChange): string[] {
  if (change !== "changed") {
    return [`table ${table}: ${change}${change === "dropped" ? `, with ${counted(rows, "row")}` : ""}`];
  }
  if (columns.length === 0) {
    return [
      `table ${table}: constraints, comments or the order of columns changed (${counted(rows, "row")})`,
    ];
  }
  return columns.map(({ column, change, type, from, values = 0 }) =>
    `table ${table}: column ${column} ${
      change === "retyped" ? `changed from ${from} to ${type}` : `${type} ${change}`
    }${change === "dropped" ? `, with ${counted(values, "value")}` : ""}`
  );
}

function hasNewValues({ tables }: SchemaChange): boolean {
  return tables.some(({ change, rows, columns }) =>
    change === "changed" && rows > 0 && columns.some(({ change }) => change === "added")
  );
}
