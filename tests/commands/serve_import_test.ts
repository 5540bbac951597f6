import assert from "node:assert/strict";
import { join } from "node:path";
import { serveGcs } from "../support/object_server.ts";
import { inFolder, run } from "../support/program.ts";
import { makeServedModels } from "../support/served_models.ts";
import { startServe } from "../support/serve_process.ts";

Deno.test("serve --import: serves the model of a folder, an export's or its own; a restart assigns nothing, another model does", () =>
  inFolder(async (folder) => {
    const { dataDir, modelsDir, first, second, remove } = makeServedModels();
    try {
      const data = join(folder, "data");
      const places = ["--data", data, "--models", join(folder, "models")];
      const exported = join(folder, "exported");
      const words = ["models", "export", first.id, exported, "--data", dataDir, "--models", modelsDir];
      assert.equal((await run(words)).code, 0);
      const served = async (place: string) => {
        await using server = await startServe(["--import", place, ...places]);
        return server.ready.model_id;
      };
      assert.equal(await served(exported), first.id);
      assert.equal(await served(exported), first.id);
      assert.equal(await served(join(modelsDir, second.id)), second.id);
      const { stdout } = await run(["models", "history", ...places, "--json"]);
      const { history } = JSON.parse(stdout);
      assert.deepEqual(history.map(({ model_id }: { model_id: string }) => model_id), [second.id, first.id]);
      assert.match(history[0].reason, /^imported from /);
      assert.equal(history[0].assigned_by, "clickwell serve");
    } finally {
      remove();
    }
  }));

Deno.test("serve --import: a place without a model, and a damaged one, end the start, and nothing is registered", () =>
  inFolder(async (folder) => {
    const { modelsDir, first, remove } = makeServedModels();
    try {
      const data = join(folder, "data");
      const start = (place: string) =>
        run(["serve", "--port", "0", "--import", place, "--data", data, "--models", join(folder, "models")]);
      const empty = await start(folder);
      assert.deepEqual([empty.code, empty.stdout], [1, ""]);
      assert.match(empty.stderr, /Cannot read .*model\.json: it does not exist/);
      const url = "postgres://a:secret@127.0.0.1:1/models";
      const shared = await run([
        "serve",
        "--port",
        "0",
        "--import",
        folder,
        "--registry",
        url,
        "--data",
        data,
      ]);
      assert.equal(shared.code, 2);
      assert.match(shared.stderr, /would be put in production for every server/);
      assert.doesNotMatch(shared.stderr, /secret/);
      const damaged = join(modelsDir, first.id, "weights.bin");
      const bytes = await Deno.readFile(damaged);
      bytes[0] ^= 1;
      await Deno.writeFile(damaged, bytes);
      const changed = await start(join(modelsDir, first.id));
      assert.deepEqual([changed.code, changed.stdout], [1, ""]);
      assert.match(changed.stderr, /cw-[0-9a-f]{16}.*weights\.bin does not have the weights of model\.json/);
      const list = await run(["models", "list", "--data", data, "--json"]);
      assert.deepEqual(JSON.parse(list.stdout).models ?? [], []);
    } finally {
      remove();
    }
  }));

Deno.test("serve --import: on Vertex AI, the model is that of AIP_STORAGE_URI; without one, that of the store", () =>
  inFolder(async (folder) => {
    const { modelsDir, first, remove } = makeServedModels();
    await using storage = serveGcs();
    try {
      for (const name of ["model.json", "weights.bin"]) {
        storage.objects.set(`bucket/copies/1/${name}`, await Deno.readFile(join(modelsDir, first.id, name)));
      }
      const env = {
        AIP_MODE: "PREDICTION",
        AIP_STORAGE_URI: "gs://bucket/copies/1",
        STORAGE_EMULATOR_HOST: storage.origin,
        CLICKWELL_ADMIN_TOKEN: "a-token-for-this-test-alone",
      };
      const serve = async (name: string, env: Readonly<Record<string, string>>) => {
        const places = ["--data", join(folder, name), "--models", join(folder, name, "models")];
        await using server = await startServe([...places, "--host", "127.0.0.1"], { env });
        return server.ready.model_id;
      };
      assert.equal(await serve("one", env), first.id);
      assert.equal(await serve("two", { ...env, AIP_STORAGE_URI: "" }), null);
      assert.equal(await serve("three", { ...env, AIP_MODE: "" }), null, "not on Vertex AI");
    } finally {
      remove();
    }
  }));
