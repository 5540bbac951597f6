import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type BareRoot, canMount, makeBareRoot } from "../support/container_root.ts";
import { readStage } from "../support/dockerfile.ts";
import { containersOf, type ManifestContainer, readDocuments } from "../support/manifests.ts";
import { serveGcs } from "../support/object_server.ts";
import { inFolder, root, run } from "../support/program.ts";
import { postJson, type ServeProcess, whenReady } from "../support/serve_process.ts";
import { deployPython } from "./install.ts";

const executable = Deno.env.get("CLICKWELL_FLEET");
const missing = !executable
  ? "CLICKWELL_FLEET does not name what deno task build --fleet makes"
  : !existsSync(deployPython)
  ? "deno task test-deploy installs what reads manifests"
  : canMount()
  ? undefined
  : "this user may not mount, which a bare root needs";
if (missing) console.log(`skipped: the containers of the manifests in a bare root: ${missing}`);
const ignore = missing !== undefined;

const token = "a-token-for-this-test-alone";
const row = {
  requested: 15000,
  loan_purpose: "debt_consolidation",
  credit: "good",
  annual_income: 72000,
  apr: 11.5,
  lender_id: 12,
};

/** A model, as it lies in the folder of the models. */
interface Trained {
  readonly modelId: string;
  readonly folder: string;
}

async function trainModel(folder: string): Promise<Trained> {
  const [tables, data] = [join(folder, "tables"), join(folder, "trained")];
  const result = join(folder, "trained.json");
  const files = ["leads", "offers", "clicks"].flatMap((
    name,
  ) => [`--${name}`, join(tables, `${name}.parquet`)]);
  const places = ["--data", data, "--models", join(data, "models")];
  for (
    const words of [["generate", "--offers", "3000", "--out", tables], [
      "train",
      ...places,
      ...files,
      "--json-file",
      result,
    ]]
  ) {
    const { code, stderr } = await run(words);
    assert.equal(code, 0, stderr);
  }
  const { model_id: modelId } = JSON.parse(await Deno.readTextFile(result));
  return { modelId, folder: join(data, "models", modelId) };
}

interface Started {
  readonly bare: BareRoot;
  readonly child: Deno.ChildProcess;
  readonly server: ServeProcess;
}

/** Starts a container of a manifest, on a free port in place of its own. */
async function start(
  container: ManifestContainer,
  { bare, env = {} }: { readonly bare: BareRoot; readonly env?: Readonly<Record<string, string>> },
): Promise<Started> {
  const values = Object.entries(container.env).flatMap(([name, { value }]) =>
    value === undefined ? [] : [[name, value]]
  );
  const words = container.args.map((word, i) => container.args[i - 1] === "--port" ? "0" : word);
  const child = bare.spawn(words, { CLICKWELL_PORT: "0", ...Object.fromEntries(values), ...env });
  return { bare, child, server: await whenReady(child) };
}

/** Asks what the probes ask, and for a prediction; ends the container as a runtime does. */
async function checkServer({ bare, child, server }: Started, { path, probes }: ManifestContainer) {
  await using running = server;
  for (const probe of probes) {
    const response = await fetch(running.origin + probe);
    await response.body?.cancel();
    assert.equal(response.status, 200, `${path}: ${probe}`);
  }
  const { status, answer } = await postJson(running.origin, "/predict", row);
  assert.deepEqual([status, answer.model_id], [200, running.ready.model_id]);
  const writing = await fetch(`${running.origin}/model`, { method: "POST", body: '{"model_id":"1"}' });
  await writing.body?.cancel();
  assert.equal(writing.status, 401, "writes need the token");
  await bare.signal(child, "SIGTERM");
  const { code, stderr } = await running.ended();
  assert.equal(code, 0, stderr);
}

async function containerIn(path: string): Promise<ManifestContainer> {
  const [container] = (await readDocuments(path)).flatMap((document) => containersOf(path, document));
  return container;
}

/** Runs a test with a root that has nothing but the image of a fleet and what is mounted. */
async function withBareRoot(
  mounts: readonly string[],
  test: (made: { bare: BareRoot; folder: string; trained: Trained }) => Promise<void>,
): Promise<void> {
  const stage = readStage(await Deno.readTextFile(join(root, "Dockerfile")), "fleet");
  await inFolder(async (folder) => {
    const bare = await makeBareRoot(folder, stage, join(root, executable ?? ""), mounts);
    const before = await bare.listFiles();
    await test({ bare, folder, trained: await trainModel(folder) });
    assert.deepEqual(await bare.listFiles(), before, "nothing was written outside of the mounts");
  });
}

/** Copies a folder of files, which the user of the image may read. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    await Deno.writeFile(join(to, name), await Deno.readFile(join(from, name)), { mode: 0o644 });
  }
  await Deno.chmod(to, 0o755);
}

for (const path of ["kubernetes/deployment.yaml", "cloud_run/service.yaml"]) {
  Deno.test({
    name: `containers: ${path} starts in a bare root with its arguments and environment`,
    ignore,
    fn: () =>
      withBareRoot(["/run/secrets/clickwell"], async ({ bare, folder, trained }) => {
        const container = await containerIn(path);
        await copyFolder(trained.folder, join(folder, "volume", "imported", trained.modelId));
        await Deno.writeTextFile(join(folder, "mounts/run/secrets/clickwell/admin-token"), token, {
          mode: 0o444,
        });
        // The registry is the server's own.
        const env = {
          CLICKWELL_MODELS: "/data/models",
          CLICKWELL_IMPORT: `/data/imported/${trained.modelId}`,
        };
        const started = await start(container, { bare, env });
        assert.equal(started.server.ready.model_id, trained.modelId);
        await checkServer(started, container);

        // A new pod while the registry is gone: alive, not ready, and without the password in its log.
        const away = {
          CLICKWELL_DATA: "/data/new",
          CLICKWELL_REGISTRY: "postgres://user:pass-word@127.0.0.1:1/models",
        };
        const waiting = await start(container, {
          bare,
          env: { ...away, CLICKWELL_MODELS: "/data/new/models" },
        });
        await using server = waiting.server;
        const statuses = await Promise.all(["/livez", "/readyz"].map(async (path) => {
          const response = await fetch(server.origin + path);
          await response.body?.cancel();
          return response.status;
        }));
        assert.deepEqual(statuses, [200, 503]);
        await bare.signal(waiting.child, "SIGTERM");
        const { code, stderr } = await server.ended();
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stderr, /pass-word/);
      }),
  });
}

Deno.test({
  name:
    "containers: KServe's runtime serves the model that KServe mounts, under the name of its InferenceService",
  ignore,
  fn: () =>
    withBareRoot(["/mnt/models"], async ({ bare, folder, trained }) => {
      const container = await containerIn("kserve/serving_runtime.yaml");
      await copyFolder(trained.folder, join(folder, "mounts/mnt/models"));
      const started = await start(container, { bare });
      assert.equal(started.server.ready.model_id, trained.modelId);
      const [{ metadata: { name } }] = await readDocuments("kserve/inference_service.yaml");
      const inputs = Object.entries(row).map(([name, value]) =>
        typeof value === "string"
          ? { name, datatype: "BYTES", shape: [1], data: [value] }
          : { name, datatype: "FP64", shape: [1], data: [value] }
      );
      const { status, answer } = await postJson(started.server.origin, `/v2/models/${name}/infer`, {
        inputs,
      });
      assert.deepEqual([status, answer.model_name], [200, name], JSON.stringify(answer));
      await checkServer(started, container);
    }),
});

Deno.test({
  name: "containers: Vertex AI's variables: the model below AIP_STORAGE_URI, its port, and its two routes",
  ignore,
  fn: () =>
    withBareRoot([], async ({ bare, trained }) => {
      const path = "vertex/model.json";
      const container = await containerIn(path);
      const [{ containerSpec }] = await readDocuments(path);
      await using storage = serveGcs(["caip-tenant"]);
      for await (const { name } of Deno.readDir(trained.folder)) {
        storage.objects.set(
          `caip-tenant/7/artifacts/${name}`,
          await Deno.readFile(join(trained.folder, name)),
        );
      }
      const env = {
        AIP_MODE: "PREDICTION",
        AIP_HTTP_PORT: "0",
        AIP_HEALTH_ROUTE: containerSpec.healthRoute,
        AIP_PREDICT_ROUTE: containerSpec.predictRoute,
        // Vertex AI ends it with a slash or not.
        AIP_STORAGE_URI: "gs://caip-tenant/7/artifacts/",
        STORAGE_EMULATOR_HOST: storage.origin,
        CLICKWELL_ADMIN_TOKEN: token,
        CLICKWELL_PORT: "",
      };
      const started = await start(container, { bare, env });
      assert.equal(started.server.ready.model_id, trained.modelId);
      const { origin } = started.server;
      const { status, answer } = await postJson(origin, containerSpec.predictRoute, {
        instances: [row, row],
      });
      assert.deepEqual([status, answer.predictions.length, answer.model_id], [200, 2, trained.modelId]);
      await checkServer(started, container);

      // Nothing lies there: it does not start, and says what was missing.
      const empty = await bare.run(container.args, { ...env, AIP_STORAGE_URI: "gs://caip-tenant/8" });
      assert.equal(empty.code, 1);
      assert.match(empty.stderr, /Cannot read gs:\/\/caip-tenant\/8\/model\.json: it does not exist/);
    }),
});
