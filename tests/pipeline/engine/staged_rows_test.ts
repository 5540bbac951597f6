import assert from "node:assert/strict";
import { trinoDialect } from "../../../pipeline/engine/engine_dialect.ts";
import { readSourceColumns } from "../../../pipeline/engine/source_columns.ts";
import type { SqlEngine, SqlRows } from "../../../pipeline/engine/sql_engine.ts";
import { createStaging } from "../../../pipeline/engine/staged_rows.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";

const dialect = trinoDialect("hive", "lake");

/** An engine that answers by a function, and keeps the statements. */
function engineOf(answer: (statement: string) => SqlRows): SqlEngine & { readonly statements: string[] } {
  const statements: string[] = [];
  return {
    ...{ dialect, name: "Trino", statements },
    query(statement) {
      statements.push(statement);
      return Promise.try(() => answer(statement));
    },
    close: () => Promise.resolve(),
  };
}

Deno.test("a table whose statement failed is removed: Trino may have left it", async () => {
  const engine = engineOf((statement) => {
    if (statement.startsWith("CREATE")) throw new Error("division by zero");
    return [];
  });
  const staging = createStaging(engine, '"memory"."default"', "a1");
  await assert.rejects(staging.stage("rows", "SELECT 1 / 0"), { message: "division by zero" });
  await staging.remove();
  assert.deepEqual(engine.statements.slice(1), [
    'DROP TABLE IF EXISTS "memory"."default"."clickwell_a1_1_rows"',
  ]);
});

Deno.test("texts that Trino fills up with spaces are refused as levels", async () => {
  const types = [["id", "bigint"], ["lead", "varchar"], ["c", "char(6)"], ["y", "integer"]];
  const spec = parseSpec({
    ...{ id: "id", label: "y", group: "lead" },
    features: [{ name: "c", type: "categorical" }],
  }, "spec");
  const engine = engineOf(() => types.map((own) => [...own, "476"]));
  await assert.rejects(readSourceColumns(engine, { name: "examples" }, spec), {
    kind: "spec-invalid",
    message: /column in the view is filled up with spaces: make it rtrim\(CAST\(c AS varchar\)\) there/,
  });
});
