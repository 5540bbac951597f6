import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { SqlEngine } from "../../../pipeline/engine/sql_engine.ts";
import { openTrino } from "../../../pipeline/engine/trino_engine.ts";
import { differentialPython } from "../../differential/install.ts";
import { openDuckdb } from "../../support/duckdb_engine.ts";
import { cases, compare, statements } from "../../support/engine_cases.ts";
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

/** Trino has no keys, and needs a prefix of 0 for none. */
async function withTrino(use: (engine: SqlEngine) => Promise<void>): Promise<void> {
  await using trino = await startTrino();
  const engine = openTrino({
    origin: trino.origin,
    catalog: "memory",
    schema: "default",
    user: "test",
    statementSeconds: 300,
  });
  const types = { INTEGER: "BIGINT", REAL: "DOUBLE", TEXT: "VARCHAR" };
  for (const statement of statements(types)) {
    await engine.query(
      statement.replace(/ PRIMARY KEY| NOT NULL/g, statement.startsWith("CREATE TABLE") ? "" : "$&"),
    );
  }
  await use(engine);
}

const trinoCases = ["crosses", "weights", "time and groups", "hash"];
const noTrino = await trinoMissing();
Deno.test({
  name: `Trino gives the coefficients of a local training${noTrino ? `: skipped, ${noTrino}` : ""}`,
  ignore: noTrino !== undefined,
}, async () => {
  await withTrino(async (engine) => {
    for (const [name, spec, settings] of cases.filter(([name]) => trinoCases.includes(name))) {
      await compare(engine, spec, settings, name === "weights" ? undefined : '"memory"."default"');
    }
  });
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
  for (const isKept of [true, false]) {
    await withDuckdb(async (engine) => {
      let statements = 0;
      const changing: SqlEngine = {
        ...engine,
        dialect: { ...engine.dialect, hasTemporaryTables: isKept },
        async query(statement) {
          if (++statements === 6) await engine.query("DELETE FROM clicks WHERE offer % 2 = 0");
          if (statements === 6) await engine.query("DELETE FROM offers WHERE id % 3 = 0");
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
