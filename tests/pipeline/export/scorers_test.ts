import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { jsScorer } from "../../../pipeline/export/js_scorer.ts";
import { dialects } from "../../../pipeline/export/sql_dialect.ts";
import { sqlScorer } from "../../../pipeline/export/sql_scorer.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { differentialPython } from "../../differential/install.ts";
import { inFolder } from "../../support/program.ts";
import { postgresPrograms, runPostgres } from "../../support/postgres.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

type Row = Readonly<Record<string, string | number | bigint | boolean | null>>;

const tolerance = 1e-9;
const names = ["n", "l", "b", "c", "k", "m", "o", "r"] as const;
/** The fields of the model for SQL, and whether they are numbers. */
const isNumber = { n: true, l: true, b: true, c: false, k: true, m: false, o: false, r: false };
const texts = ["naïve", "it's", '"quoted"', "日本", "", "012", "NULL"];

function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)];
}

function trainingRow(random: Random, id: number): Row {
  const n = random.below(10) === 0 ? null : 4 * random.uniform() - 2;
  const clicked = random.uniform() < 1 / (1 + Math.exp(-(n ?? 1))) ? 1 : 0;
  return {
    id,
    who: `w${id % 150}`,
    clicked,
    n,
    l: random.below(4) === 0 ? 100 * random.below(9) : Math.round(1e5 * random.uniform()),
    b: random.below(9) === 0 ? null : random.below(40) - 10,
    c: random.below(12) === 0 ? null : oneOf(random, texts),
    k: random.below(90),
    m: `level ${random.below(100)}`,
    o: oneOf(random, ["low", "middle", "high"]),
    r: random.below(15) === 0 ? null : `zip ${random.below(30)}`,
  };
}

/** A row with missing, unseen and odd values among ordinary ones. */
function scoredRow(random: Random, id: number): Row {
  const ordinary = trainingRow(random, id);
  const odd: Record<string, readonly (string | number | null)[]> = {
    n: [null, 0, -0, 1e-300, 1e15, -1e15, 12345678.9],
    l: [null, 0, -1, -1e5, 0.5, 1e300, 1e-12, 7],
    b: [null, -1e300, 1e300, 3, 3.5, -10, 29],
    c: [null, "unseen", " ", "12", "Naïve", "\u{1f600}", "a\nb"],
    k: [null, 1e6, -5, 0.25, 12],
    m: [null, "level 1", "level 1 ", "%"],
    o: [null, "lowest", "low"],
    r: [null, "zip 1", "zip 999", "'; --"],
  };
  const entries = names.map((
    name,
  ) => [name, random.below(5) === 0 ? oneOf(random, odd[name]) : ordinary[name]]);
  return { id, ...Object.fromEntries(entries) };
}

const sqlSpec = parseSpec({
  id: "id",
  label: "clicked",
  group: "who",
  features: [
    { name: "n", type: "numeric" },
    { name: "l", type: "numeric", transform: "log1p", bins: [2, 5, 20], values: { minCount: 2 } },
    { name: "b", type: "numeric", bins: 4, values: { minCount: 10 } },
    { name: "c", type: "categorical", minCount: 5 },
    { name: "k", type: "categorical", minCount: 1, nullable: false },
    { name: "m", type: "categorical", minCount: 1 },
    { name: "o", type: "ordinal", levels: ["low", "middle", "high"], nullable: false },
    { name: "r", type: "rate", prior: 10 },
  ],
  crosses: [
    { of: [{ name: "l", bins: 5 }, "c"], minCount: 3 },
    { of: ["b", "k"], minCount: 1 },
    { of: ["l", { name: "b", values: true }], minCount: 3 },
  ],
  rates: [{ of: ["c", "o"], prior: 20 }, { of: [{ name: "l", bins: 20 }], prior: 5 }],
}, "of a test");

function trainOnRows(
  spec: ReturnType<typeof parseSpec>,
  changes = {},
  adapt = (row: Row): Row => row,
): Promise<ArtifactMetadata> {
  const random = createRandom(5);
  return withStore(tableOf(["who", "clicked", ...names]), async ({ store }) => {
    insertRows(store, Array.from({ length: 1_500 }, (_, id) => adapt(trainingRow(random, id))));
    const hyperParameters = { ...defaultHyperParameters, ...changes };
    return (await trainModel(store, { spec, hyperParameters, threads: 1, now: 0 })).metadata;
  });
}

const sqlModel = await trainOnRows(sqlSpec);
const isotonicModel = await trainOnRows(sqlSpec, { calibrate: "isotonic" });
const random = createRandom(9);
const rows = Array.from({ length: 20_000 }, (_, id) => scoredRow(random, id));
const expected = probabilitiesOf(sqlModel, rows);
const calibrated = probabilitiesOf(isotonicModel, rows);

/** NaN for a row with an invalid field. */
function probabilitiesOf(metadata: ArtifactMetadata, rows: readonly Row[]): number[] {
  const predictor = createPredictor(metadata);
  return rows.map(({ id: _, ...fields }) => predictor.predict(fields, createFindings()));
}

function assertAgree(
  found: readonly (number | null)[],
  rows: readonly Row[],
  expected: readonly number[],
): void {
  assert.equal(found.length, rows.length);
  for (const [i, value] of expected.entries()) {
    const got = found[i];
    const agrees = Number.isNaN(value)
      ? got === null || Number.isNaN(got)
      : got !== null && Math.abs(got - value) <= tolerance;
    assert.ok(agrees, agrees ? undefined : `${Deno.inspect(rows[i])} gives ${got}, expected ${value}`);
  }
}

function statementOf(name: string, model = sqlModel): string {
  const dialect = dialects.find((dialect) => dialect.name === name);
  assert.ok(dialect);
  return sqlScorer(model, dialect);
}

Deno.test("export: the rows of the tests have every kind of answer", () => {
  const invalid = expected.filter(Number.isNaN).length;
  assert.ok(invalid > 100 && invalid < rows.length / 2, `${invalid} rows are invalid`);
  assert.ok(expected.some((p) => p < 0.1) && expected.some((p) => p > 0.9));
  const { calibration } = isotonicModel;
  assert.ok(calibration?.method === "isotonic" && calibration.logits.length > 5);
  // Below the first point, between points and above the last one.
  const { logits } = calibration;
  const logitsOf = expected.filter((p) => !Number.isNaN(p)).map((p) => Math.log(p / (1 - p)));
  assert.ok(logitsOf.some((z) => z < logits[0]) && logitsOf.some((z) => z > (logits.at(-1) ?? Infinity)));
});

Deno.test("export: SQLite gives the probabilities of the predictor to 1e-9", () => {
  using db = new DatabaseSync(":memory:");
  const columns = names.map((name) => `${name} ${isNumber[name] ? "REAL" : "TEXT"}`).join(", ");
  db.exec(`CREATE TABLE examples (id INTEGER PRIMARY KEY, ${columns}) STRICT; BEGIN`);
  const insert = db.prepare(`INSERT INTO examples VALUES (?${", ?".repeat(names.length)})`);
  for (const row of rows) {
    insert.run(
      Number(row.id),
      ...names.map((name) => row[name] as string | number | null),
    );
  }
  db.exec("COMMIT");
  for (const [model, wanted] of [[sqlModel, expected], [isotonicModel, calibrated]] as const) {
    const found = db.prepare(statementOf("SQLite", model)).all().sort((a, b) => Number(a.id) - Number(b.id));
    assertAgree(found.map(({ probability }) => probability as number | null), rows, wanted);
  }
});

const hasDuckdb = existsSync(differentialPython);
Deno.test({
  name: `export: DuckDB gives the probabilities of the predictor to 1e-9${
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
      await Deno.writeTextFile(join(folder, "calibrated.sql"), statementOf("DuckDB", isotonicModel));
      const columns = [
        "id: 'BIGINT'",
        ...names.map((name) => `${name}: '${isNumber[name] ? "DOUBLE" : "VARCHAR"}'`),
      ];
      const code = `
import duckdb, json, sys
folder = sys.argv[1]
duckdb.sql("CREATE TABLE examples AS SELECT * FROM read_json('" + folder + "/rows.ndjson', columns={${
        columns.join(", ")
      }})")
for name in "score", "calibrated":
    print(json.dumps([p for _, p in sorted(duckdb.sql(open(folder + "/" + name + ".sql").read()).fetchall())]))`;
      const { success, stdout, stderr } = await new Deno.Command(differentialPython, {
        args: ["-c", code, folder],
      })
        .output();
      assert.ok(success, new TextDecoder().decode(stderr).slice(-2_000));
      const [plain, mapped] = new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) =>
        JSON.parse(line)
      );
      assertAgree(plain, rows, expected);
      assertAgree(mapped, rows, calibrated);
    }),
});

/** Returns a value in the text format of COPY. */
function copyText(value: Row[string]): string {
  if (value === null) return "\\N";
  return String(value).replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

Deno.test({
  name: `export: PostgreSQL gives the probabilities of the predictor to 1e-9${
    postgresPrograms ? "" : " (skipped: it is not installed)"
  }`,
  ignore: postgresPrograms === undefined,
  async fn() {
    const columns = names.map((name) => `${name} ${isNumber[name] ? "double precision" : "text"}`).join(", ");
    const lines = rows.map((row) => [row.id, ...names.map((name) => row[name])].map(copyText).join("\t"));
    const found = await runPostgres([
      `CREATE TABLE examples (id bigint PRIMARY KEY, ${columns});`,
      "COPY examples FROM stdin;",
      ...lines,
      "\\.",
      statementOf("PostgreSQL"),
      statementOf("PostgreSQL", isotonicModel),
    ].join("\n"));
    assert.equal(found.length, 2 * rows.length);
    for (const [from, wanted] of [[0, expected], [rows.length, calibrated]] as const) {
      const byId = new Map(
        found.slice(from, from + rows.length).map((line) => line.split("|"))
          .map(([id, p]) => [Number(id), p === "" ? null : Number(p)]),
      );
      assertAgree(rows.map(({ id }) => byId.get(Number(id)) ?? null), rows, wanted);
    }
  },
});

/** Imports the module of a model's JavaScript scorer. */
async function moduleOf(metadata: ArtifactMetadata): Promise<(row: Row) => number> {
  const { score } = await import(`data:text/javascript,${encodeURIComponent(jsScorer(metadata, "a test"))}`);
  return score;
}

Deno.test("export: score.js gives the probabilities of the predictor to 1e-9", async () => {
  const score = await moduleOf(sqlModel);
  assertAgree(rows.map(score), rows, expected);
  assertAgree(rows.map(await moduleOf(isotonicModel)), rows, calibrated);
});

const otherSpec = parseSpec({
  id: "id",
  label: "clicked",
  group: "who",
  features: [
    { name: "n", type: "numeric", servedAs: 0.5 },
    { name: "b", type: "numeric", bins: [3, 6], values: { minCount: 20 } },
    { name: "c", type: "categorical", hash: 8 },
    { name: "k", type: "categorical", minCount: 5 },
    { name: "m", type: "words", minCount: 2 },
    { name: "l", type: "time", parts: ["hour", "weekday", "month", "age"], since: "2024-01-31" },
  ],
  crosses: [{ of: ["b", "c"], minCount: 2 }],
  time: "l",
  rates: [{ of: [{ name: "b", bins: 6 }], prior: 5, halfLife: "10d" }, { of: ["b", "k"], prior: 5 }],
}, "of a test");

/** Gives a row a time of the year 2024 and a text of two words. */
function atTime(row: Row): Row {
  return {
    ...row,
    l: 1_704_067_200_000_000 + Number(row.l) * 300_000_000,
    m: `${row.m} Größe${Number(row.id) % 7}`,
  };
}

Deno.test("export: score.js has hashed fields, words, times, rates with a half-life, fields served as a value, and hidden layers", async () => {
  const layers = { optimizer: "adam", hidden: "5:tanh,4:gelu", epochs: 2, batchSize: 64, learningRate: 0.01 };
  for (const changes of [{}, layers]) {
    const metadata = await trainOnRows(otherSpec, changes, atTime);
    assert.equal(metadata.network !== undefined, changes === layers);
    const random = createRandom(3);
    const odd = rows.slice(0, 5_000).map(({ o: _, r: __, ...row }) => ({
      ...row,
      n: null,
      c: oneOf(random, [row.c, 12, 12.5, true, 1e300, "12", 9007199254740993n]),
      k: oneOf(random, [row.k, "12", " 12.0", "1.2e1", "+012", "x", "NaN", "", true, "1e400", "-0", 12n]),
      m: oneOf(random, [row.m, "LEVEL 7, GRO\u0308SSE level 8!", "größe3", null, 7]),
      l: oneOf(random, [
        1_706_696_100_000_000,
        "2024-02-29T23:59:59.5+02:00",
        "31.1.2024 17:05",
        "20240131",
        "2025-03-01T00:00:00Z",
        "20240131T1015Z",
        "1706696100000000",
        "2023-02-29",
        "later",
        1_706_696_100,
        null,
        0,
      ]),
    }));
    const { l: _, ...without } = odd[0];

    const score = await moduleOf(metadata);
    const all: Row[] = [...odd, without];
    const wanted = probabilitiesOf(metadata, all);
    assert.ok(wanted.filter((p) => p > 0.01 && p < 0.99).length > 1_000);
    assertAgree(all.map(score), all, wanted);
  }
});

Deno.test("export: what SQL cannot express is named", async () => {
  const rejected = (model: ArtifactMetadata, message: RegExp) => {
    for (const { name } of dialects) {
      assert.throws(
        () => statementOf(name, model),
        (error) => error instanceof Failure && message.test(error.message),
      );
    }
  };
  const metadata = await trainOnRows(otherSpec, {}, atTime);
  rejected(metadata, /the hash of the field "c"/);
  const { features } = metadata.encoder;
  const only = (type: string) => ({
    ...metadata,
    encoder: { ...metadata.encoder, features: features.filter((feature) => feature.type === type) },
  });
  rejected(only("words"), /the feature "m" of the type words/);
  rejected(only("time"), /the feature "l" of the type time/);
  const network = { layers: [{ activation: "relu" as const, weights: [], bias: [0] }], output: [1] };
  rejected({ ...sqlModel, network }, /hidden layers/);
});
