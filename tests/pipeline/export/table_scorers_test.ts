import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { dialects } from "../../../pipeline/export/sql_dialect.ts";
import { type ScoredModel, sqlScorer } from "../../../pipeline/export/sql_scorer.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { differentialPython } from "../../differential/install.ts";
import { type ExampleRow, type FeatureText, specOf } from "../../support/example_rows.ts";
import { postgresPrograms, runPostgres } from "../../support/postgres.ts";
import { inFolder } from "../../support/program.ts";
import { encodeByTables } from "../../support/random_tables.ts";

const tolerance = 1e-9;
const isNumber: Readonly<Record<string, boolean>> = {
  n: true,
  m: true,
  k: true,
  c: false,
  o: false,
  s: true,
};
/** So many fields that there are more tables than a statement may join. */
const more = Array.from({ length: 7 }, (_, i) => `x${i}`);
const names = [...Object.keys(isNumber), ...more];
const texts = ["it's", '"quoted"', "日本", "", "012", "NULL"];

const features: readonly FeatureText[] = [
  { name: "n", type: "numeric" },
  { name: "m", type: "numeric", nullable: false },
  { name: "k", type: "categorical" },
  { name: "c", type: "categorical" },
  { name: "o", type: "ordinal", levels: ["low", "middle", "high"] },
  { name: "s", type: "numeric", servedAs: 3 },
  ...more.map((name) => ({ name, type: "numeric" })),
];

function rowOf(random: Random, id: number, isOdd: boolean): ExampleRow {
  const odd = <T>(values: readonly T[], ordinary: T) =>
    isOdd && random.below(5) === 0 ? values[random.below(values.length)] : ordinary;
  const fields: Record<string, string | number | null> = {
    n: odd([null, 1e300, -1e300, 0, -0, 1e-300], Math.round(240 * random.uniform()) / 8),
    m: odd([null, 7], random.below(20)),
    k: odd([null, -5, 0.25, 1e6], random.below(40)),
    c: odd<string | null>([null, "unseen", " ", "\u{1f600}"], texts[random.below(texts.length)]),
    o: odd<string | null>([null, "lowest"], ["low", "middle", "high"][random.below(3)]),
    s: random.below(5),
  };
  for (const name of more) fields[name] = odd([null], random.below(12));
  return { id, who: `w${id}`, ...fields };
}

function modelOf(features: readonly FeatureText[], rows: readonly ExampleRow[]): ScoredModel {
  const spec = specOf(features);
  const { encoder, coefficients } = encodeByTables(spec, rows, createRandom(3));
  return {
    spec,
    encoder: encoder as ScoredModel["encoder"],
    coefficients: [...coefficients].map((c) => c / 8),
    intercept: 0.2,
  };
}

const random = createRandom(5);
const model = modelOf(features, Array.from({ length: 3_000 }, (_, id) => rowOf(random, id, false)));
const rows = Array.from({ length: 4_000 }, (_, id) => rowOf(random, id, true));
const predictor = createPredictor(model);
const expected = rows.map((row) => {
  const fields = Object.fromEntries(names.filter((name) => name !== "s").map((name) => [name, row[name]]));
  return predictor.predict(fields, createFindings());
});

function statementOf(name: string, of = model): string {
  const dialect = dialects.find((dialect) => dialect.name === name);
  assert.ok(dialect);
  return sqlScorer(of, dialect);
}

function assertAgree(found: readonly (number | null)[]): void {
  assert.equal(found.length, rows.length);
  for (const [i, value] of expected.entries()) {
    const got = found[i];
    const agrees = Number.isNaN(value) ? got === null : got !== null && Math.abs(got - value) <= tolerance;
    assert.ok(agrees, agrees ? undefined : `${Deno.inspect(rows[i])} gives ${got}, expected ${value}`);
  }
}

const typed = (number: string, text: string) =>
  names.map((name) => `${name} ${isNumber[name] ?? true ? number : text}`).join(", ");

Deno.test("tables as SQL: the rows have every kind of answer, and there are more tables than joins", () => {
  assert.ok((model.encoder.tables ?? []).length > 60);
  assert.ok(expected.filter(Number.isNaN).length > 20);
  assert.ok(expected.some((p) => p < 0.3) && expected.some((p) => p > 0.7));
});

Deno.test("tables as SQL: SQLite gives the probabilities of the predictor to 1e-9", () => {
  using db = new DatabaseSync(":memory:");
  db.exec(`CREATE TABLE examples (id INTEGER PRIMARY KEY, ${typed("REAL", "TEXT")}) STRICT; BEGIN`);
  const insert = db.prepare(`INSERT INTO examples VALUES (?${", ?".repeat(names.length)})`);
  for (const row of rows) {
    insert.run(
      Number(row.id),
      ...names.map((name) => row[name] as string | number | null),
    );
  }
  db.exec("COMMIT");
  const found = db.prepare(statementOf("SQLite")).all().sort((a, b) => Number(a.id) - Number(b.id));
  assertAgree(found.map(({ probability }) => probability as number | null));
});

const hasDuckdb = existsSync(differentialPython);
Deno.test({
  name: `tables as SQL: DuckDB gives the probabilities of the predictor to 1e-9${
    hasDuckdb ? "" : " (skipped: deno task test-differential installs it)"
  }`,
  ignore: !hasDuckdb,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(
        join(folder, "rows.ndjson"),
        rows.map((row) => JSON.stringify(row)).join("\n"),
      );
      await Deno.writeTextFile(join(folder, "score.sql"), statementOf("DuckDB"));
      const columns = names.map((name) => `${name}: '${isNumber[name] ?? true ? "DOUBLE" : "VARCHAR"}'`);
      const code = `
import duckdb, json, sys
folder = sys.argv[1]
duckdb.sql("SET enable_progress_bar = false")
duckdb.sql("CREATE TABLE examples AS SELECT * FROM read_json('" + folder + "/rows.ndjson', columns={${
        ["id: 'BIGINT'", ...columns].join(", ")
      }})")
print(json.dumps([p for _, p in sorted(duckdb.sql(open(folder + "/score.sql").read()).fetchall())]))`;
      const { success, stdout, stderr } = await new Deno.Command(differentialPython, {
        args: ["-c", code, folder],
      })
        .output();
      assert.ok(success, new TextDecoder().decode(stderr).slice(-2_000));
      assertAgree(JSON.parse(new TextDecoder().decode(stdout)));
    }),
});

Deno.test({
  name: `tables as SQL: PostgreSQL gives the probabilities of the predictor to 1e-9${
    postgresPrograms ? "" : " (skipped: it is not installed)"
  }`,
  ignore: postgresPrograms === undefined,
  async fn() {
    const text = (value: unknown) => value === null ? "\\N" : String(value).replaceAll("\\", "\\\\");
    const lines = rows.map((row) => [row.id, ...names.map((name) => row[name])].map(text).join("\t"));
    const found = await runPostgres([
      `CREATE TABLE examples (id bigint PRIMARY KEY, ${typed("double precision", "text")});`,
      "COPY examples FROM stdin;",
      ...lines,
      "\\.",
      statementOf("PostgreSQL"),
    ].join("\n"));
    const byId = new Map(
      found.map((line) => line.split("|")).map(([id, p]) => [Number(id), p === "" ? null : Number(p)]),
    );
    assertAgree(rows.map(({ id }) => byId.get(Number(id)) ?? null));
  },
});

Deno.test("tables as SQL: a time is named as what SQL cannot express", () => {
  const timed = modelOf(
    [{ name: "at", type: "time" }],
    Array.from({ length: 50 }, (_, id) => ({ id, at: 1.7e15 + id * 3.6e9 })),
  );
  assert.throws(
    () => statementOf("SQLite", timed),
    (error) => error instanceof Failure && /the feature "at" of the type time/.test(error.message),
  );
});
