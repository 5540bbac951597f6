import assert from "node:assert/strict";
import { join } from "node:path";
import { openPostgres } from "../../../pipeline/engine/postgres_engine.ts";
import { trainOnEngine } from "../../../pipeline/engine/train_on_engine.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { cases, compare, features, roles, statements } from "../../support/engine_cases.ts";
import { postgresPrograms, type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { inFolder, run } from "../../support/program.ts";

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
          "--json",
        ]);
        assert.equal(code, 0, stderr);
        assert.ok(
          !(stdout + stderr).includes(encodeURIComponent(server.password)),
          "the password is not shown",
        );
        const { model_id } = JSON.parse(stdout);
        const model =
          JSON.parse(await Deno.readTextFile(join(models, model_id, "model.json"))).userDefinedMetadata;
        assert.deepEqual(model.data.engine.name, "PostgreSQL");
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
    const trainWith = async (
      spec: Readonly<Record<string, unknown>>,
      settings: Partial<HyperParameters> = {},
      name = "examples",
    ) => {
      const engine = open(server);
      try {
        await trainOnEngine({
          ...{ engine, relation: { name }, pushDownRows: 0, spillsBeside: "" },
          spec: parseSpec({ ...roles, features, ...spec }, "spec"),
          hyperParameters: { ...defaultHyperParameters, splitHash: "sha256", ...settings },
        });
      } finally {
        await engine.close();
      }
    };
    const fails = (message: RegExp, ...args: Parameters<typeof trainWith>) =>
      assert.rejects(trainWith(...args), { name: "Failure", message });
    await fails(/has no table or view "nowhere"/, {}, {}, "nowhere");
    await fails(/has no column colour/, { features: [{ name: "colour", type: "categorical" }] });
    await fails(/purpose is numeric/, { features: [{ name: "purpose", type: "numeric" }] });
    await fails(/apr with decimals as a level/, { features: [{ name: "apr", type: "categorical" }] });
    await fails(/no apr, which the feature spec says is not nullable/, {
      features: [{ name: "apr", type: "numeric", nullable: false }],
    });
    await fails(/a lender that is neither 0 nor 1/, { label: "lender", features: features.slice(0, 1) });
    await fails(/words of the feature|the type words of the feature purpose/, {
      features: [{ name: "purpose", type: "words" }],
    });
    await fails(/rates cannot/, { rates: [{ of: ["lender"] }] });
    await fails(
      /--split-hash fnv runs on Trino alone/,
      {},
      { splitHash: undefined } as unknown as Partial<HyperParameters>,
    );
    await fails(/--negatives/, {}, { negatives: 0.5 });
    assert.deepEqual(await server.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'clickwell_%'"), [
      "0",
    ]);
  });
});
