import assert from "node:assert/strict";
import { join } from "node:path";
import { placeOf } from "../../../pipeline/engine/open_engine.ts";
import { openPostgres } from "../../../pipeline/engine/postgres_engine.ts";
import { trainOnEngine } from "../../../pipeline/engine/train_on_engine.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { postgresPrograms, type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { inFolder } from "../../support/program.ts";

interface Trial {
  readonly view?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly settings?: Partial<HyperParameters>;
  /** The URL of another user. */
  readonly url?: string;
  readonly stage?: string;
  readonly statementSeconds?: number;
  /** The stage before whose statement it is stopped. */
  readonly stopAt?: string;
}

const columns = ["id", "lead", "x", "c", "clicked"];
const made = `CREATE TABLE made AS SELECT CAST(i AS bigint) AS id, 'lead ' || (i / 3) AS lead,
  CAST((i * 37) % 101 AS double precision) / 10 AS x, 'c' || (i * 7 % 5) AS c,
  CASE WHEN (i * 7919) % 100 < 20 + (i * 7 % 5) * 10 + ((i * 37) % 101) / 4 THEN 1 ELSE 0 END AS clicked
  FROM generate_series(1, 1500) AS s(i);`;
const spec = {
  ...{ id: "id", label: "clicked", group: "lead" },
  features: [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }],
};

const pushed = 0;
const fetched = 1e6;

async function train(server: PostgresServer, trial: Trial, pushDownRows: number) {
  const controller = new AbortController();
  const { signal } = controller;
  const engine = openPostgres({
    url: trial.url ?? server.url(),
    statementSeconds: trial.statementSeconds ?? 60,
    signal,
  });
  let trained: Awaited<ReturnType<typeof trainOnEngine>> | undefined;
  await inFolder(async (folder) => {
    try {
      trained = await trainOnEngine({
        ...{ engine, relation: { name: trial.view ?? "made" }, pushDownRows },
        ...(trial.stage === undefined ? {} : { place: placeOf(trial.stage) }),
        spillsBeside: join(folder, "tables.db"),
        signal,
        observe: {
          stage: ({ stage }) => {
            if (stage === trial.stopAt) controller.abort(new Failure("interrupted", "interrupted"));
          },
        },
        spec: parseSpec({ ...spec, ...trial.spec }, "spec"),
        hyperParameters: { ...defaultHyperParameters, splitHash: "sha256", ...trial.settings },
      });
    } finally {
      await engine.close();
    }
  });
  assert.ok(trained);
  return trained;
}

async function withMade(use: (server: PostgresServer) => Promise<void>): Promise<void> {
  await using server = await startPostgres();
  await server.query(made);
  await use(server);
}

/** Makes a view in which a column is another expression, or has one more. */
async function viewOf(server: PostgresServer, column: string, expression: string): Promise<string> {
  const list = columns.map((name) => name === column ? `${expression} AS ${name}` : name);
  if (!columns.includes(column)) list.push(`${expression} AS ${column}`);
  await server.query(`DROP VIEW IF EXISTS own; CREATE VIEW own AS SELECT ${list.join(", ")} FROM made`);
  return "own";
}

/** Expressions of columns, each with what it is for. */
const trained: readonly (readonly [string, string, Trial?])[] = [
  ["x", "CASE WHEN id % 7 = 0 THEN numeric 'NaN' ELSE CAST(x AS numeric) END"],
  ["x", "(id * 37 % 101) * bigint '9007199254740993'"],
  ["x", "timestamptz '2026-03-29 01:30:00+01' + id * interval '1 hour'"],
  ["c", "CASE WHEN id % 7 = 0 THEN NULL WHEN id % 5 = 0 THEN '' ELSE c END"],
  ["c", "CAST(c AS char(6))"],
  ["c", "9007199254740993 + id * 7 % 5"],
  ["c", "CAST(md5(c) AS uuid)"],
  ["id", "CAST(md5(CAST(id AS text)) AS uuid)"],
  ["id", "id + 9223372036854770000"],
  ["id", "timestamp '2026-03-29' + id * interval '1 hour'"],
  ["clicked", "CAST(NULLIF(clicked, id % 11) AS numeric)"],
  ["w", "CASE WHEN id % 7 = 0 THEN 0 ELSE id % 5 + 0.5 END", { spec: { weight: "w" } }],
  ...["time", "both"].map((split) =>
    [
      "t",
      "CASE WHEN id % 7 <> 0 THEN timestamptz '2026-03-29 00:00:00Z' + id * interval '1 min' END",
      { spec: { time: "t" }, settings: { split } },
    ] as [string, string, Trial]
  ),
  ["t", "CASE WHEN id = 7 THEN 'NaN' ELSE 1.7e15 + id * 1e6 END", {
    spec: { time: "t" },
    settings: { matureSeconds: 600 },
  }],
  ["t", "CAST(1700000000000000 + id * 1000000 AS numeric)", {
    spec: { time: "t" },
    settings: { split: "time" },
  }],
];

/** Expressions of columns that cannot be trained on, and what is said. */
const refused: readonly (readonly [string, string, RegExp, Trial?])[] = [
  [
    "x",
    "CASE WHEN id = 7 THEN numeric 'Infinity' ELSE CAST(x AS numeric) END",
    /1 of the 1500 .*x that is infinite/,
  ],
  [
    "x",
    "CASE WHEN id = 7 THEN timestamp 'infinity' ELSE timestamp '2026-03-29' END",
    /1 of the 1500 .*x that is infinite/,
  ],
  [
    "t",
    "CASE WHEN id = 7 THEN date '-infinity' ELSE date '2026-03-29' END",
    /1 of the 1500 .*t that is infinite/,
    {
      spec: { time: "t" },
      settings: { split: "time" },
    },
  ],
  ["c", "(id * 7 % 5) * double precision '1e20'", /1200 of the 1500 .*c with decimals as a level/],
  ["c", "to_jsonb(c)", /The feature c has levels, and .*CAST it to a text/],
  ["x", "ARRAY[x]", /The feature x is numeric, and .*no number/],
  ["id", "to_json(id)", /The column id is the id, and of a type that cannot be one/],
  [
    "w",
    "CASE WHEN id = 7 THEN numeric 'NaN' ELSE 1 END",
    /1 of the 1500 .*w that is neither 0 nor a positive/,
    {
      spec: { weight: "w" },
    },
  ],
];

Deno.test({
  name: "values of PostgreSQL's types are trained on alike, pushed down and fetched, or refused by name",
  ignore: postgresPrograms === undefined,
}, async () => {
  await withMade(async (server) => {
    for (const [column, expression, trial] of trained) {
      const view = await viewOf(server, column, expression);
      const [one, other] = [
        await train(server, { view, ...trial }, pushed),
        await train(server, { view, ...trial }, fetched),
      ];
      const [mine, theirs] = [one.metadata, other.metadata];
      assert.equal(mine.coefficients.length, theirs.coefficients.length, expression);
      mine.coefficients.forEach((value, i) =>
        assert.ok(Math.abs(value - theirs.coefficients[i]) < 1e-9, expression)
      );
      const { orphans: _, ...account } = other.account;
      assert.deepEqual(one.account, account, expression);
      assert.deepEqual(mine.golden.map((row) => row.features), theirs.golden.map((row) => row.features));
    }
    for (const [column, expression, message, trial] of refused) {
      const view = await viewOf(server, column, expression);
      for (const rows of [pushed, fetched]) {
        await assert.rejects(
          train(server, { view, ...trial }, rows),
          { name: "Failure", message },
          expression,
        );
      }
    }
  });
});

Deno.test({
  name: "materialized views are trained on; rights that a user lacks, and limits, are told with what to do",
  ignore: postgresPrograms === undefined,
}, async () => {
  await withMade(async (server) => {
    await server.query(
      `CREATE MATERIALIZED VIEW kept AS SELECT * FROM made; CREATE VIEW hidden AS SELECT * FROM made;
      CREATE DOMAIN level AS text; CREATE VIEW ranged AS SELECT id, lead, x, CAST(c AS level) AS c, clicked FROM made;
      CREATE VIEW slow AS SELECT made.* FROM made, (SELECT pg_sleep(20)) AS pause;
      CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON made TO reader; CREATE SCHEMA locked;
      REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC;`,
    );
    const url = `postgres://reader:r@127.0.0.1:${server.port}/postgres`;
    for (const rows of [pushed, fetched]) {
      const { metadata: { coefficients } } = await train(server, {}, rows);
      for (const trial of [{ view: "kept" }, { view: "ranged" }, { url }]) {
        const own = (await train(server, trial, rows)).metadata.coefficients;
        coefficients.forEach((value, i) => assert.ok(Math.abs(value - own[i]) < 1e-9));
      }
      const fails = (trial: Trial, message: RegExp) =>
        assert.rejects(train(server, trial, rows), { name: "Failure", message });
      await fails({ view: "MADE" }, /has no table or view "MADE" .*spelled as it is there/);
      await fails({ url, view: "hidden" }, /has no table or view "hidden" that this user can read/);
      await fails(
        { view: "slow", statementSeconds: 1 },
        /no result in 1 s, the limit of --statement-timeout/,
      );
    }
    for (const stage of ["locked", "nowhere"]) {
      await assert.rejects(train(server, { url, stage }, pushed), {
        name: "Failure",
        message:
          /(permission denied|does not exist).*Give --stage a schema where this user may create tables/,
      });
    }
  });
});

Deno.test({
  name: "a training that is stopped between its passes leaves no table in the schema of --stage",
  ignore: postgresPrograms === undefined,
}, async () => {
  await withMade(async (server) => {
    const left = () => server.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'clickwell_%'");
    const stopped = train(server, { stage: "public", stopAt: "pass 2" }, pushed);
    await assert.rejects(stopped, { name: "Failure", kind: "interrupted" });
    assert.deepEqual(await left(), ["0"]);
    await train(server, { stage: "public" }, pushed);
    assert.deepEqual(await left(), ["0"]);
  });
});
