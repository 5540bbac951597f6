import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { SqlEngine } from "../../../pipeline/engine/sql_engine.ts";
import { openTrino } from "../../../pipeline/engine/trino_engine.ts";
import { differentialPython } from "../../differential/install.ts";
import { versitygw } from "../../fleet/object_servers.ts";
import { openDuckdb } from "../../support/duckdb_engine.ts";
import { cases, compare, statements } from "../../support/engine_cases.ts";
import { testKeys } from "../../support/object_stores.ts";
import { startTrino, trinoMissing } from "../../support/trino.ts";

const ignore = !existsSync(differentialPython);

async function withDuckdb(use: (engine: SqlEngine) => Promise<void>): Promise<void> {
  const engine = openDuckdb();
  try {
    for (const statement of statements({ INTEGER: "BIGINT", REAL: "DOUBLE", TEXT: "VARCHAR" })) {
      await engine.query(statement);
    }
    await use(engine);
  } finally {
    await engine.close();
  }
}

const trinoCases = ["crosses", "weights", "time and groups", "hash"];
const noTrino = await trinoMissing();
const trinoTables = statements({ INTEGER: "BIGINT", REAL: "DOUBLE", TEXT: "VARCHAR" });
Deno.test({
  name: `Trino gives the coefficients of a local training${noTrino ? `: skipped, ${noTrino}` : ""}`,
  ignore: noTrino !== undefined,
}, async (t) => {
  await using objects = await versitygw?.start(testKeys);
  await using trino = await startTrino(
    objects && { origin: objects.origin, bucket: "bucket", keys: testKeys },
  );
  await using opened = new AsyncDisposableStack();
  const open = (catalog: string, schema: string) => {
    const engine = openTrino({ origin: trino.origin, catalog, schema, user: "test", statementSeconds: 300 });
    opened.defer(() => engine.close());
    return engine;
  };
  const memory = open("memory", "default");
  for (const statement of trinoTables) {
    // Trino has no keys.
    await memory.query(
      statement.startsWith("CREATE TABLE") ? statement.replace(/ PRIMARY KEY| NOT NULL/g, "") : statement,
    );
  }
  for (const [name, spec, settings] of cases.filter(([name]) => trinoCases.includes(name))) {
    await t.step(name, async () => {
      await compare(memory, spec, settings, name === "weights" ? {} : { place: '"memory"."default"' });
    });
  }
  const places = { hive: "parquet files in a folder", ...(objects ? { s3: "parquet files in S3" } : {}) };
  for (const [catalog, name] of Object.entries(places)) {
    await t.step(name, async () => {
      const engine = open(catalog, "lake");
      await engine.query(`CREATE SCHEMA ${catalog}.lake`);
      for (const table of ["offers", "leads", "clicks"]) {
        await engine.query(
          `CREATE TABLE ${table} WITH (format = 'PARQUET') AS SELECT * FROM memory.default.${table}`,
        );
      }
      await engine.query(trinoTables[trinoTables.length - 1]);
      await compare(engine, {}, {}, { place: `"${catalog}"."lake"` });
    });
  }
});

for (const [name, spec, settings] of cases) {
  Deno.test({ name: `DuckDB gives the coefficients of a local training: ${name}`, ignore }, async () => {
    await withDuckdb((engine) => compare(engine, spec, settings));
  });
}

Deno.test({
  name:
    "rows that are kept are those of one moment; where each statement reads the view, a change of it is noticed",
  ignore,
}, async () => {
  for (const [isKept, isFitting] of [[true, false], [false, false], [true, true], [false, true]]) {
    await withDuckdb(async (engine) => {
      let [statements, passes] = [0, 0];
      const changing: SqlEngine = {
        ...engine,
        dialect: { ...engine.dialect, hasTemporaryTables: isKept },
        async query(statement) {
          statements++;
          if (statement.includes("scored AS")) passes++;
          if (isFitting ? passes === 2 && statement.includes("scored AS") : statements === 6) {
            await engine.query("DELETE FROM clicks WHERE offer % 2 = 0");
            await engine.query("DELETE FROM offers WHERE id % 3 = 0");
          }
          return await engine.query(statement);
        },
      };
      const compared = compare(changing, {});
      if (isKept) await compared;
      else {await assert.rejects(compared, {
          name: "Failure",
          message: /The view changed during the training/,
        });}
    });
  }
});
