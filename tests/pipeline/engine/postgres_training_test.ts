import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openPostgres } from "../../../pipeline/engine/postgres_engine.ts";
import { trainOnEngine } from "../../../pipeline/engine/train_on_engine.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { Failure } from "../../../pipeline/failure.ts";
import type { TrainedModel } from "../../../pipeline/train/register.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { cases, compare, features, roles, statements } from "../../support/engine_cases.ts";
import { postgresPrograms, type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { inFolder, run } from "../../support/program.ts";
import { startServe } from "../../support/serve_process.ts";

/** Starts PostgreSQL with the tables. */
async function withPostgres(use: (server: PostgresServer) => Promise<void>): Promise<void> {
  await using server = await startPostgres();
  await server.query(
    statements({ INTEGER: "bigint", REAL: "double precision", TEXT: "text" }).join(";\n") + ";",
  );
  await use(server);
}

const noPostgres = postgresPrograms === undefined;
const open = ({ url }: PostgresServer, signal?: AbortSignal) =>
  openPostgres({ url: url(), statementSeconds: 60, signal });

Deno.test({
  name: "PostgreSQL gives the coefficients of a local training, with sums computed there",
  ignore: noPostgres,
}, async (t) => {
  await withPostgres(async (server) => {
    for (const [name, spec, settings] of cases) {
      await t.step(name, async () => {
        const engine = open(server);
        try {
          await compare(engine, spec, settings);
        } finally {
          await engine.close();
        }
      });
    }
  });
});

Deno.test({
  name: "the program trains on PostgreSQL's rows, fetched or not, to the same model",
  ignore: noPostgres,
}, async () => {
  await withPostgres(async (server) => {
    await inFolder(async (folder) => {
      const specPath = join(folder, "spec.json");
      await Deno.writeTextFile(specPath, JSON.stringify({ ...roles, features }));
      const found = [];
      for (const rows of ["0", "1000000"]) {
        const [data, models] = [join(folder, `data${rows}`), join(folder, `models${rows}`)];
        const { code, stdout, stderr } = await run([
          "train",
          "--engine",
          server.url(),
          "--data",
          data,
          "--models",
          models,
          "--spec",
          specPath,
          "--push-down-rows",
          rows,
          "--report",
          join(folder, `report${rows}.html`),
          "--json",
        ]);
        assert.equal(code, 0, stderr);
        assert.match(stderr, /answers with .*\. Rows: \S*examples\S* in PostgreSQL; models: /);
        const page = await Deno.readTextFile(join(folder, `report${rows}.html`));
        assert.equal(page.includes("Made from sums"), rows === "0");
        assert.ok(
          !(stdout + stderr).includes(encodeURIComponent(server.password)),
          "the password is not shown",
        );
        const { model_id } = JSON.parse(stdout);
        const model =
          JSON.parse(await Deno.readTextFile(join(models, model_id, "model.json"))).userDefinedMetadata;
        assert.deepEqual(model.data.engine.name, "PostgreSQL");
        assert.ok(existsSync(join(models, model_id, "report.json")));
        await using serving = await startServe(["--data", data, "--models", models]);
        const served = await fetch(`${serving.origin}/models/${model_id}/report`);
        assert.equal(await served.text(), page);
        found.push(model);
      }
      const [pushed, fetched] = found;
      pushed.coefficients.forEach((value: number, i: number) =>
        assert.ok(Math.abs(value - fetched.coefficients[i]) < 1e-9)
      );
      assert.deepEqual(pushed.golden.length, fetched.golden.length);
    });
  });
});

interface Training {
  readonly view?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly settings?: Partial<HyperParameters>;
  readonly pushDownRows: number;
  readonly memoryBytes?: number;
}

async function train(
  server: PostgresServer,
  { view = "examples", spec = {}, settings = {}, ...resources }: Training,
): Promise<TrainedModel["metadata"]> {
  const engine = open(server);
  const folder = await Deno.makeTempDir();
  try {
    const { metadata } = await trainOnEngine({
      ...{ engine, relation: { name: view }, spillsBeside: join(folder, "tables.db"), ...resources },
      spec: parseSpec({ ...roles, features, ...spec }, "spec"),
      hyperParameters: { ...defaultHyperParameters, splitHash: "sha256", ...settings },
    });
    return metadata;
  } finally {
    await engine.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name:
    "rows that PostgreSQL gives in another order, or that do not fit into the memory, are trained on to the same model",
  ignore: noPostgres,
}, async () => {
  await withPostgres(async (server) => {
    await server.query(`
      CREATE TABLE ordered AS SELECT *, 'offer ' || id AS code FROM examples ORDER BY id;
      CREATE TABLE shuffled AS SELECT * FROM ordered ORDER BY md5(code);`);
    const pushDownRows = 1e6;
    const partOf = ({ coefficients, golden, data: { engine: _, ...data } }: TrainedModel["metadata"]) => ({
      ...{ coefficients, golden, data },
    });
    for (const [name, spec] of [["whole numbers", {}], ["texts", { id: "code" }]] as const) {
      const expected = partOf(await train(server, { view: "ordered", spec, pushDownRows }));
      assert.ok(expected.data.rows.train > 1_000, name);
      assert.deepEqual(partOf(await train(server, { view: "shuffled", spec, pushDownRows })), expected, name);
      const little = await train(server, { view: "shuffled", spec, pushDownRows, memoryBytes: 4_096 });
      assert.deepEqual(partOf(little), expected, name);
    }
    // The planner expects few rows of a table that it has not looked at since.
    await server.query(
      "CREATE TABLE grown (LIKE shuffled); ANALYZE grown; INSERT INTO grown SELECT * FROM shuffled",
    );
    const fetched = await train(server, { view: "grown", pushDownRows });
    const pushed = await train(server, { view: "grown", pushDownRows: 1_500 });
    const isApproximate = ({ notes }: TrainedModel["metadata"]) =>
      notes.some((note) => /histogram/.test(note));
    assert.deepEqual([isApproximate(fetched), isApproximate(pushed)], [false, true]);
    fetched.coefficients.forEach((value, i) => assert.ok(Math.abs(value - pushed.coefficients[i]) < 1e-9));
  });
});

Deno.test({ name: "Ctrl-C stops the statement in PostgreSQL", ignore: noPostgres }, async () => {
  await withPostgres(async (server) => {
    const controller = new AbortController();
    const engine = open(server, controller.signal);
    await engine.query("SELECT 1");
    const running = engine.query("SELECT pg_sleep(60)");
    setTimeout(() => controller.abort(new Failure("interrupted", "interrupted")), 300);
    await assert.rejects(running, { kind: "interrupted" });
    const left =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()";
    for (let tries = 0; tries < 50 && (await server.query(left))[0] !== "0"; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await server.query(left), ["0"]);
    await engine.close();
  });
});

Deno.test({
  name: "an engine's rows that cannot be trained on are named, and nothing stays behind",
  ignore: noPostgres,
}, async () => {
  await withPostgres(async (server) => {
    await server.query(
      `CREATE VIEW weighed AS SELECT *, CASE WHEN id % 50 = 0 THEN NULL ELSE 1 END AS "times" FROM examples`,
    );
    const fails = (message: RegExp, training: Partial<Training>) =>
      assert.rejects(train(server, { pushDownRows: 0, ...training }), { name: "Failure", message });
    const failsBothWays = async (message: RegExp, training: Partial<Training>) => {
      await fails(message, training);
      await fails(message, { ...training, pushDownRows: 1e6 });
    };
    const withFeature = (feature: Readonly<Record<string, unknown>>) => ({ spec: { features: [feature] } });
    await fails(/has no table or view "nowhere"/, { view: "nowhere" });
    await fails(/has no column colour/, withFeature({ name: "colour", type: "categorical" }));
    await fails(/purpose is numeric/, withFeature({ name: "purpose", type: "numeric" }));
    await failsBothWays(/apr with decimals as a level/, withFeature({ name: "apr", type: "categorical" }));
    await failsBothWays(
      /no apr, which the feature spec says is not nullable/,
      withFeature({ name: "apr", type: "numeric", nullable: false }),
    );
    await failsBothWays(/\d+ of the \d+ rows of "weighed" have a times that is neither 0 nor a positive/, {
      ...{ spec: { weight: "times" }, view: "weighed" },
    });
    await server.query(`
      CREATE VIEW joined AS SELECT *, 'offer ' || id AS code FROM examples UNION ALL SELECT *, 'offer ' || id FROM examples WHERE id = 7;
      CREATE VIEW unnamed AS SELECT *, NULLIF(id, 7) AS name FROM examples;`);
    await failsBothWays(/id 7 occurs more than once in "joined", as a join can cause/, { view: "joined" });
    await failsBothWays(/id offer 7 occurs more than once in "joined"/, {
      view: "joined",
      spec: { id: "code" },
    });
    await failsBothWays(/1 of the \d+ rows of "unnamed" have no name, expected an id/, {
      view: "unnamed",
      spec: { id: "name" },
    });
    await failsBothWays(/a lender that is neither 0 nor 1/, {
      spec: { label: "lender", features: features.slice(0, 1) },
    });
    await fails(
      /words of the feature|the type words of the feature purpose/,
      withFeature({ name: "purpose", type: "words" }),
    );
    await fails(/rates cannot/, { spec: { rates: [{ of: ["lender"] }] } });
    await fails(/--split-hash fnv runs on Trino alone/, {
      settings: { splitHash: undefined } as unknown as Partial<HyperParameters>,
    });
    await fails(/--negatives/, { settings: { negatives: 0.5 } });
    assert.deepEqual(await server.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'clickwell_%'"), [
      "0",
    ]);
  });
});
