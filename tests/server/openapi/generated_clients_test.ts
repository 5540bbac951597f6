import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createClient, ProblemError, type Row } from "../../../clients/typescript/clickwell.ts";
import { demoDocument, writeClients } from "../../../packaging/clients/write_clients.ts";
import { root } from "../../support/program.ts";
import { runServer } from "../../support/running_server.ts";
import { probabilityOf, row } from "../../support/served_models.ts";

const mypy = join(root, "tests/clients/.venv/bin/mypy");
const hasPython = hasModernPython();
if (!hasPython) console.log("skipped: the client for Python: there is no python3 of 3.11 or later");
if (!existsSync(mypy)) {
  console.log("skipped: the types of the client for Python: tests/clients/.venv has no mypy");
}

Deno.test("clients: the ones in the repository are what deno task clients writes", async () => {
  for (const [path, text] of Object.entries(writeClients(await demoDocument()))) {
    const committed = await Deno.readTextFile(join(root, path));
    assert.ok(committed === text, `${path} is of another interface: run deno task clients`);
  }
});

Deno.test("TypeScript client: predicts, changes the model, and throws problems as errors", async () => {
  await using running = await runServer({ drainTimeoutMs: 500 });
  const { server: { origin }, models: { first, second } } = running;
  const client = createClient(origin);
  const before = await client.predict(row, { explain: true });
  assert.equal(before.probability, probabilityOf(first));
  assert.deepEqual(Object.keys(before.explanation?.contributions ?? {}).sort(), Object.keys(row).sort());
  assert.deepEqual((await client.setAlias("2", "champion")).aliases, ["champion"]);
  const assigned = await client.assignModel({ model_id: "champion", reason: "tried" });
  assert.equal(assigned.model_id, second.id);
  assert.equal((await client.predict(row)).probability, probabilityOf(second));
  assert.deepEqual((await client.modelHistory({ limit: 1 })).history.map(({ reason }) => reason), ["tried"]);
  const ranked = await client.rank({ lead: row, offers: [{ apr: 9.9 }, { apr: 30 }], top: 1 });
  assert.equal(ranked.offers, 2);
  assert.equal(ranked.ranking.length, 1);
  assert.equal((await client.rollBackModel()).model_id, first.id);
  assert.equal((await client.listModels()).models.length, 2);

  const problem = await problemOf(client.predict({ ...row, apr: null }));
  assert.equal(problem.type, "urn:clickwell:problem:input-invalid");
  assert.deepEqual(problem.errors?.map(({ pointer }) => pointer), ["#/apr"]);
  const conflict = await problemOf(client.assignModel({ model_id: 1 }, { ifMatch: '"0"' }));
  assert.equal(conflict.type, "urn:clickwell:problem:precondition-failed");
  await assert.rejects(client.predict(row, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

Deno.test("TypeScript client: sends the token", async () => {
  const token = "t0ken-of-the-admin";
  await using running = await runServer({ drainTimeoutMs: 500, token });
  const { origin } = running.server;
  const rejected = await problemOf(createClient(origin).assignModel({ model_id: 2 }));
  assert.equal(rejected.type, "urn:clickwell:problem:unauthorized");
  assert.equal((await createClient(origin, { token }).assignModel({ model_id: 2 })).version, 2);
});

Deno.test("TypeScript client: a row must have all fields and no others, or a key", () => {
  const { apr: _, ...withoutApr } = row;
  // @ts-expect-error apr is missing, and so is a key
  const lacking: Row = withoutApr;
  // @ts-expect-error colour is not a field
  const unknown: Row = { ...row, colour: "red" };
  // @ts-expect-error a number is not a string
  const text: Row = { ...row, apr: "11.5" };
  const keyed: Row = { offer_id: 500_000_001 };
  assert.equal([lacking, unknown, text, keyed].length, 4);
});

Deno.test({
  name: "Python client: predicts, changes the model, and raises problems as exceptions",
  ignore: !hasPython,
  async fn() {
    await using running = await runServer({ drainTimeoutMs: 500 });
    const { server: { origin }, models: { first, second } } = running;
    const answer = JSON.parse(await python(["tests/clients/use_client.py", origin]));
    answer.contributions.sort();
    assert.deepEqual(answer, {
      before: probabilityOf(first),
      contributions: Object.keys(row).sort(),
      aliases: ["champion"],
      assigned: second.id,
      after: probabilityOf(second),
      reasons: ["tried"],
      problem: [
        "urn:clickwell:problem:input-invalid",
        ["#/requested", "#/annual_income", "#/loan_purpose", "#/credit", "#/lender_id"],
      ],
      conflict: "urn:clickwell:problem:precondition-failed",
      ready: true,
    });
  },
});

Deno.test({
  name: "Python client: mypy accepts the client and a program that uses it, and finds a wrong type",
  ignore: !existsSync(mypy),
  async fn() {
    const sound = await checkTypes("tests/clients/use_client.py");
    assert.ok(sound.success, sound.report);
    const wrong = await Deno.makeTempFile({ suffix: ".py" });
    try {
      await Deno.writeTextFile(wrong, 'from clickwell import Client\nClient("").predict({"apr": "11.5"})\n');
      const { success, report } = await checkTypes(wrong);
      assert.ok(!success && report.includes("apr"), report);
    } finally {
      await Deno.remove(wrong);
    }
  },
});

async function problemOf(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error("There was no problem.");
}

const environment = {
  PYTHONPATH: "clients/python",
  MYPYPATH: "clients/python",
  PYTHONDONTWRITEBYTECODE: "1",
};

async function python(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("python3", { args, cwd: root, env: environment })
    .output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

async function checkTypes(path: string): Promise<{ success: boolean; report: string }> {
  const args = ["--strict", "--cache-dir", "/dev/null", path];
  const { success, stdout } = await new Deno.Command(mypy, { args, cwd: root, env: environment }).output();
  return { success, report: new TextDecoder().decode(stdout) };
}

function hasModernPython(): boolean {
  try {
    const check = "import sys; sys.exit(sys.version_info < (3, 11))";
    return new Deno.Command("python3", { args: ["-c", check] }).outputSync().success;
  } catch {
    return false;
  }
}
