import assert from "node:assert/strict";
import { join } from "node:path";
import { requests } from "../../fixtures/older/requests.ts";
import { inFolder, root, run } from "../../support/program.ts";
import { startServe } from "../../support/serve_process.ts";

/** Output of an older version, recorded by tests/fixtures/older/record.ts. */
interface Recording {
  /** Model ids by kind. */
  readonly models: Readonly<Record<string, string>>;
  readonly history: { readonly history: readonly unknown[] };
  /** Responses by kind of model, in the order of the requests. */
  readonly answers: Readonly<Record<string, readonly { status: number; body: Record<string, unknown> }[]>>;
}

const versions = join(root, "tests/fixtures/older");

for (const { name: version, isDirectory } of Deno.readDirSync(versions)) {
  if (!isDirectory) continue;
  const recording: Recording = JSON.parse(
    Deno.readTextFileSync(join(versions, version, "recorded.json")),
  );

  Deno.test(`older version ${version}: every kind of model gives the same answers, bit for bit`, async () => {
    await withCopy(version, async (folders) => {
      await using server = await startServe([...folders, "--workers", "1"]);
      for (const [kind, id] of Object.entries(recording.models)) {
        const assigned = await ask(server.origin, "/model", { model_id: id });
        assert.equal(assigned.status, 200, JSON.stringify(assigned.body));
        for (const [i, { path, body }] of requests.entries()) {
          const expected = recording.answers[kind][i];
          const answer = await ask(server.origin, path, body);
          const what = `${kind}: ${path} ${JSON.stringify(body)}`;
          assert.equal(answer.status, expected.status, what);
          // Messages of problems may change.
          if (answer.status === 200) assert.deepEqual(answer.body, expected.body, what);
        }
      }
    });
  });

  Deno.test(`older version ${version}: the store opens, with its history, aliases and tables`, async () => {
    await withCopy(version, async (folders) => {
      const history = await json("models", "history", ...folders);
      assert.deepEqual(
        (history.history as { model_id: string }[]).map(({ model_id }) => model_id),
        recording.history.history.map((assignment) => (assignment as { model_id: string }).model_id),
      );
      const { models } = await json("models", "list", ...folders);
      assert.deepEqual(
        (models as { model_id: string }[]).map(({ model_id }) => model_id).sort(),
        Object.values(recording.models).sort(),
      );
      const champion = await json("models", "show", "champion", ...folders);
      assert.equal(champion.model_id, recording.models.crosses);
      const { rows } = await json("train", "--spec", join(versions, "spec.json"), ...folders);
      const { train, test } = rows as { train: number; test: number };
      assert.equal(train + test, 360);
    });
  });

  Deno.test(`older version ${version}: --repeat gives the reasons why the model differs, and exits with 1`, async () => {
    await withCopy(version, async (folders) => {
      const { code, stdout, stderr } = await run(["train", "--repeat", "1", ...folders, "--json"]);
      assert.equal(code, 1, stderr);
      const report = JSON.parse(stdout);
      assert.equal(report.agrees, false);
      assert.equal(report.model_id, recording.models.l2);
      assert.notEqual(report.repeated_id, report.model_id);
      assert.equal(report.error.kind, "not-repeated");
      assert.match(stderr, /was not repeated, the training gives cw-[0-9a-f]+: it was trained by clickwell/);
    });
  });
}

/** Runs a test on a copy of the older version's data and models. */
function withCopy(version: string, test: (folders: string[]) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    copyFolder(join(versions, version, "data"), join(folder, "data"));
    copyFolder(join(versions, version, "models"), join(folder, "models"));
    await test(["--data", join(folder, "data"), "--models", join(folder, "models")]);
  });
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

async function ask(
  origin: string,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { request_id: _, ...answer } = await response.json();
  return { status: response.status, body: answer };
}
