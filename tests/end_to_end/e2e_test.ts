import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";
import { startServe } from "../support/serve_process.ts";

const applicant = {
  requested: 15_000,
  loan_purpose: "debt_consolidation",
  credit: "good",
  annual_income: 72_000,
  apr: 11.5,
  lender_id: 12,
};

/** Runs a command that must succeed. @returns Its JSON result. */
async function done(folder: string, args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, "--json"], { cwd: folder });
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

async function trainedFolder(folder: string) {
  await done(folder, ["generate", "--offers", "2000", "--seed", "7", "--out", "tables"]);
  const files = ["leads", "offers", "clicks"].flatMap((
    table,
  ) => [`--${table}`, join("tables", `${table}.parquet`)]);
  const ingested = await done(folder, ["ingest", ...files]);
  const again = await done(folder, ["ingest", ...files]);
  const first = await done(folder, ["train", "--penalty", "l2", "--C", "1.0", "--seed", "7"]);
  const second = await done(folder, ["train", "--penalty", "none", "--seed", "7", "--test-share", "0.3"]);
  return { ingested, again, first, second };
}

async function call(origin: string, method: string, path: string, body?: unknown) {
  const response = await fetch(origin + path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return { status: response.status, body: await response.json() };
}

Deno.test("from parquet files to a served probability, over a change of model and a restart", () =>
  inFolder(async (folder) => {
    const { ingested, again, first, second } = await trainedFolder(folder);
    const { read, inserted, unchanged, rejected } = ingested.tables.offers;
    assert.deepEqual({ read, inserted, unchanged, rejected }, {
      read: 2000,
      inserted: 2000,
      unchanged: 0,
      rejected: 0,
    });
    assert.equal(again.tables.offers.unchanged, 2000);
    assert.equal(again.tables.offers.inserted, 0);
    assert.equal(again.examples, 2000);
    assert.equal(first.rows.train + first.rows.test, 2000);
    assert.ok(first.metrics.log_loss < first.metrics.base_log_loss, "the model has learnt something");
    assert.ok(first.solver.gradient_max < 1e-6);
    assert.notEqual(first.model_id, second.model_id);

    await using server = await startServe([], { cwd: folder });
    assert.equal(server.ready.model_id, first.model_id, "the first model that was trained is in production");
    assert.equal((await call(server.origin, "GET", "/model")).body.model_id, first.model_id);
    const before = await call(server.origin, "POST", "/predict", applicant);
    assert.deepEqual([before.status, before.body.model_id], [200, first.model_id]);

    const assigned = await call(server.origin, "POST", "/model", { model_id: second.model_id });
    assert.deepEqual([assigned.status, assigned.body.model_id], [200, second.model_id]);
    const after = await call(server.origin, "POST", "/predict", applicant);
    assert.equal(after.body.model_id, second.model_id);
    assert.notEqual(after.body.probability, before.body.probability);

    const wrong = await call(server.origin, "POST", "/predict", { ...applicant, apr: "high" });
    assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, "#/apr"]);
    server.kill("SIGINT");
    assert.equal((await server.ended()).code, 0);

    await using restarted = await startServe([], { cwd: folder });
    const { body } = await call(restarted.origin, "POST", "/predict", applicant);
    assert.deepEqual([body.model_id, body.probability], [second.model_id, after.body.probability]);
    assert.equal((await run(["healthcheck", "--url", restarted.origin])).code, 0);
    restarted.kill("SIGINT");
    assert.equal((await restarted.ended()).code, 0);
    assert.equal((await run(["healthcheck", "--url", restarted.origin])).code, 1, "nobody listens any more");
  }));
