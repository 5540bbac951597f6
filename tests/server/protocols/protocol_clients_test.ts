import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { clientsPython } from "../../clients/install.ts";
import { aliasSecond } from "../../scenarios/alias_of.ts";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { root } from "../../support/program.ts";
import { probabilityOf, row } from "../../support/served_models.ts";

/** Values that a client's arrays can represent: missing numbers, strings of any script, ids as integers. */
const rows = [
  row,
  { ...row, annual_income: null, credit: "unheard of", lender_id: 99 },
  { ...row, requested: null, apr: 1 / 3, loan_purpose: 'naïve, "quoted"\n日本' },
];

const vertex = {
  health: "/v1/endpoints/7/deployedModels/8",
  predict: "/v1/endpoints/7/deployedModels/8:predict",
};

/** A test with a client of the clients' environment; skipped if the environment was not created. */
function clientTest(
  name: string,
  script: string,
  check: (found: Record<string, unknown>, running: RunningServer) => void | Promise<void>,
): void {
  const ignore = !existsSync(clientsPython);
  const why = ignore ? " (skipped: deno task test-clients installs the clients)" : "";
  Deno.test({
    name: name + why,
    ignore,
    async fn() {
      await using running = await runServer({ vertex });
      await check(await ask(script, running.server.origin), running);
    },
  });
}

async function ask(script: string, origin: string): Promise<Record<string, unknown>> {
  const child = new Deno.Command(clientsPython, {
    args: [join(root, "tests/clients", script), origin],
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(rows)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout).trim().split("\n").at(-1) ?? "");
}

/** Asserts that each form gives the model's own probabilities, to the last bit. */
function checkAll(found: unknown, expected: readonly number[]): void {
  for (const [way, probabilities] of Object.entries(found as Record<string, unknown>)) {
    assert.deepEqual(probabilities, expected, way);
  }
}

clientTest(
  "tritonclient predicts, loads and unloads",
  "triton_client.py",
  (found, { models: { first, second } }) => {
    const { probabilities, of_second, unloaded, loaded, ...others } = found;
    checkAll(probabilities, rows.map((row) => probabilityOf(first, row)));
    assert.deepEqual(of_second, rows.map((row) => probabilityOf(second, row)));
    assert.deepEqual(unloaded, {
      ready: false,
      index: { clickwell: "READY", [first.id]: "READY", [second.id]: "UNAVAILABLE" },
      infer: {
        status: "503",
        message:
          `The model ${second.id} is unloaded. Load it with POST /v2/repository/models/${second.id}/load.`,
      },
    });
    assert.deepEqual(loaded, { ready: true, production: "1" });
    const { unknown, bad_field, unload_production, load_config, ...facts } = others;
    const refusals = { unknown, bad_field, unload_production, load_config } as Record<
      string,
      { status: string; message: string }
    >;
    assert.deepEqual(Object.values(refusals).map(({ status }) => status), ["404", "400", "409", "400"]);
    assert.match(refusals.bad_field.message, /#\/inputs\/requested is missing/);
    assert.deepEqual(facts, {
      live: true,
      ready: true,
      model_ready: true,
      unknown_ready: false,
      extensions: ["binary_tensor_data", "model_repository"],
      inputs: first.metadata.encoder.features.map(({ name }) => name),
      id: "mine",
    });
  },
);

clientTest(
  "MLflow's ScoringServerClient predicts with frames, lists and CSV",
  "mlflow_client.py",
  (found, { models }) => {
    const expected = rows.map((row) => probabilityOf(models.first, row));
    checkAll(found.probabilities, expected);
    assert.deepEqual(found.array, expected);
    const [served, installed] = found.version as string[];
    assert.equal(
      served,
      installed,
      "the version that the server tells is that of the client it is tried with",
    );
    assert.match(String(found.refused), /error code 400.*apr is missing/);
    assert.deepEqual(found.error, [400, "BAD_REQUEST", "MlflowException"]);
  },
);

clientTest("SageMaker and Vertex AI predict as they do with a container", "hosts.py", (found, { models }) => {
  checkAll(found, rows.map((row) => probabilityOf(models.first, row)));
});

const hasCurl = await new Deno.Command("curl", { args: ["--version"], stdout: "null", stderr: "null" })
  .output()
  .then(({ success }) => success, () => false);

/** The commands of TensorFlow Serving's documentation, with only the host and the rows replaced. */
Deno.test({
  name: "the curl commands of TensorFlow Serving's documentation get the documented answers",
  ignore: !hasCurl,
  async fn() {
    await using running = await runServer();
    const { models } = running;
    aliasSecond(models, "half_plus_three");
    const curl = async (line: string, body?: unknown) => {
      const words = line.replace("http://localhost:8501", running.server.origin).split(" ");
      const args = words.map((word) => word === "BODY" ? JSON.stringify(body) : word);
      const { stdout } = await new Deno.Command("curl", { args: ["-s", ...args] }).output();
      return new TextDecoder().decode(stdout);
    };
    const expected = rows.map((row) => probabilityOf(models.second, row));
    const answers = async (line: string, body?: unknown) => JSON.parse(await curl(line, body));

    const status = await answers("http://localhost:8501/v1/models/half_plus_three");
    assert.deepEqual(status.model_version_status, [
      { version: "2", state: "AVAILABLE", status: { error_code: "OK", error_message: "" } },
    ]);
    const metadata = await answers("http://localhost:8501/v1/models/half_plus_three/metadata");
    assert.equal(metadata.model_spec.name, "half_plus_three");
    const predict = "-d BODY -X POST http://localhost:8501/v1/models/half_plus_three:predict";
    assert.deepEqual((await answers(predict, { instances: rows })).predictions, expected);
    const columns = Object.fromEntries(
      Object.keys(row).map((name) => [name, rows.map((row) => Reflect.get(row, name))]),
    );
    assert.deepEqual((await answers(predict, { inputs: columns })).outputs, expected);
    const regress = "-d BODY -X POST http://localhost:8501/v1/models/half_plus_three:regress";
    assert.deepEqual((await answers(regress, { examples: rows })).results, expected);
    const unknown = await curl("-i -d BODY -X POST http://localhost:8501/v1/models/half:predict", {
      instances: rows,
    });
    assert.match(unknown, /^HTTP\/1\.1 404 Not Found\r\n/);
    assert.match(unknown, /\{"error":"There is no model/);
  },
});
