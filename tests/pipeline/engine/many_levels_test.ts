import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { openPostgres } from "../../../pipeline/engine/postgres_engine.ts";
import type { SqlEngine } from "../../../pipeline/engine/sql_engine.ts";
import { trainOnEngine } from "../../../pipeline/engine/train_on_engine.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { differentialPython } from "../../differential/install.ts";
import { openDuckdb } from "../../support/duckdb_engine.ts";
import { compare, roles } from "../../support/engine_cases.ts";
import { postgresPrograms, startPostgres } from "../../support/postgres.ts";

/**
 * Rows that each have levels of their own, in the SQL that SQLite, DuckDB and PostgreSQL share.
 *
 * @param tens Tens of thousands of rows.
 */
const statementsOf = (tens: number) => [
  `CREATE TABLE made AS
  WITH digits(n) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)),
  numbers AS (
    SELECT CAST(a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS BIGINT) AS i
    FROM digits a, digits b, digits c, digits d, digits e WHERE e.n < ${tens}
  )
  SELECT i + 1 AS id, CAST(i % ${
    4600 * tens
  } AS TEXT) AS lead, CAST(i * 37 % 1000 AS DOUBLE PRECISION) / 10 AS apr,
    'lender ' || CAST(i * 7919 % 100003 AS TEXT) AS lender,
    'it''s ' || CAST(i * 104729 % 100003 AS TEXT) AS city,
    i * 31337 % 100003 AS device,
    CASE WHEN i * 104729 % 1000 < 200 + 60 * (i * 7919 % 7) THEN 1 ELSE 0 END AS clicked
  FROM numbers`,
  "CREATE VIEW examples AS SELECT * FROM made",
];
const scriptOf = (tens: number) => `DROP TABLE IF EXISTS made; ${statementsOf(tens).join(";")};`;
const features = [
  { name: "apr", type: "numeric" },
  ...["lender", "city", "device"].map((name) => ({ name, type: "categorical", minCount: 1 })),
];
/**
 * A design this wide is fitted until the objective can decrease by so little, relative to its value: at the square of what may be left
 * in a coefficient. The two sides take other steps, since in memory more of the curvature is known.
 */
const settings = { testShare: 0.25, C: 0.001, tolerance: 1e-20 };

/** Trains on an engine whose statements are limited to a part of the coefficients, and of which none is longer. */
async function compareLimited(engine: SqlEngine): Promise<void> {
  const lengthMax = 200_000;
  const statements: string[] = [];
  const limited: SqlEngine = {
    ...engine,
    dialect: { ...engine.dialect, lengthMax },
    query(statement) {
      statements.push(statement);
      return engine.query(statement);
    },
  };
  await compare(limited, { features }, settings, { script: scriptOf(1), columnsMin: 20_000 });
  const longest = statements.reduce((most, { length }) => Math.max(most, length), 0);
  assert.ok(longest <= lengthMax, `a statement has ${longest} characters`);
  const kept = statements.filter((statement) => statement.includes("_lookup"));
  assert.ok(kept.length > 20, "coefficients are kept in tables");
  const nowhere = { ...limited, dialect: { ...limited.dialect, hasTemporaryTables: false } };
  const refused = trainOnEngine({
    ...{ engine: nowhere, relation: { name: "examples" }, pushDownRows: 0, spillsBeside: "" },
    spec: parseSpec({ ...roles, features }, "spec"),
    hyperParameters: { ...defaultHyperParameters, splitHash: "sha256" },
  });
  const message =
    /^The \d{4} levels of lender do not fit into a statement of DuckDB, .*--stage, or give lender a greater/;
  await assert.rejects(refused, { name: "Failure", message });
}

Deno.test({
  name: "many levels: DuckDB looks coefficients up in tables, where they do not fit into a statement",
  ignore: !existsSync(differentialPython),
}, async () => {
  const engine = openDuckdb();
  try {
    for (const statement of statementsOf(1)) await engine.query(statement);
    await compareLimited(engine);
  } finally {
    await engine.close();
  }
});

Deno.test({
  name: "a hundred thousand levels: PostgreSQL looks coefficients up in arrays",
  ignore: postgresPrograms === undefined,
}, async () => {
  await using server = await startPostgres();
  await server.query(`${statementsOf(5).join(";\n")};`);
  const engine = openPostgres({ url: server.url(), statementSeconds: 60 });
  try {
    await compare(engine, { features }, settings, { script: scriptOf(5), columnsMin: 100_000 });
  } finally {
    await engine.close();
  }
});
