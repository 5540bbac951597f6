import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inFolder, root } from "../../support/program.ts";
import { startServe } from "../../support/serve_process.ts";
import { makeServedModels } from "../../support/served_models.ts";

const clients = join(root, "tests/clients");
const program = join(clients, ".venv/bin/schemathesis");
const ignore = !existsSync(program);
if (ignore) console.log("skipped: schemathesis: deno task test-clients installs it");

const casesMin = 1000;
const timeoutMs = 600_000;

Deno.test({
  name: "document: schemathesis finds no server error and no response outside of it",
  ignore,
  async fn() {
    const models = makeServedModels();
    try {
      await using server = await startServe(["--data", models.dataDir, "--models", models.modelsDir]);
      await inFolder(async (folder) => {
        const { success, report } = await explore(`${server.origin}/openapi.json`, folder);
        assert.ok(success, report);
        const cases = Number(/(\d+) generated/.exec(report)?.[1] ?? 0);
        assert.ok(cases >= casesMin, `only ${cases} requests were made:\n${report}`);
      });
    } finally {
      models.remove();
    }
  },
});

/** @param folder Folder for its cache. */
async function explore(url: string, folder: string): Promise<{ success: boolean; report: string }> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [
      ...["--config-file", join(clients, "schemathesis.toml"), "run", url, "--no-color"],
      ...["--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all"],
    ],
    cwd: folder,
    env: { SCHEMATHESIS_HOOKS: "schemathesis_hooks", PYTHONPATH: clients, PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(timeoutMs),
  }).output();
  const decoder = new TextDecoder();
  return { success, report: decoder.decode(stdout) + decoder.decode(stderr) };
}
