import assert from "node:assert/strict";
import { join } from "node:path";
import { connectRaw } from "../../support/raw_connection.ts";
import { run as runCommand } from "../../support/program.ts";
import { startServe } from "../../support/serve_process.ts";
import { makeServedModels, row, type ServedModels } from "../../support/served_models.ts";

const body = JSON.stringify(row);

function processTest(
  name: string,
  run: (models: ServedModels, folders: readonly string[]) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const models = makeServedModels();
    try {
      await run(models, ["--data", models.dataDir, "--models", models.modelsDir]);
    } finally {
      models.remove();
    }
  });
}

async function ask(
  origin: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const init = body === undefined
    ? {}
    : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(origin + path, init);
  return { status: response.status, json: await response.json() };
}

processTest("the program includes the docs page and the OpenAPI document", async (_, flags) => {
  await using serving = await startServe(flags);
  for (const path of ["/docs", "/docs/main.js", "/docs/style.css", "/openapi.json"]) {
    const response = await fetch(serving.origin + path);
    assert.equal(response.status, 200, path);
    assert.ok((await response.text()).length > 500, path);
  }
});

processTest(
  "an assignment survives a restart; SIGTERM and SIGINT end the server with exit code 0",
  async (models, flags) => {
    const { first, second } = models;
    await using before = await startServe([...flags, "--drain-delay", "0"]);
    assert.deepEqual(before.ready, { listening: before.origin, model_id: first.id });
    assert.equal((await ask(before.origin, "/model", { model_id: second.id })).status, 200);
    before.kill("SIGTERM");
    assert.equal((await before.ended()).code, 0);

    await using after = await startServe(flags);
    assert.equal(after.ready.model_id, second.id);
    assert.equal((await ask(after.origin, "/predict", row)).json.model_id, second.id);
    after.kill("SIGINT");
    assert.equal((await after.ended()).code, 0);
  },
);

processTest(
  "a draining server reports it, answers new requests, and finishes requests in flight",
  async (_, folders) => {
    await using serve = await startServe([...folders, "--drain-delay", "0.3"]);
    const slow = await connectRaw(serve.port);
    await slow.send(
      `POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${
        body.slice(0, 9)
      }`,
    );
    serve.kill("SIGTERM");
    for (let ready = 200; ready === 200;) ready = (await ask(serve.origin, "/readyz")).status;
    assert.match(String((await ask(serve.origin, "/readyz")).json.type), /draining/);
    assert.equal((await ask(serve.origin, "/predict", row)).status, 200);
    // After the delay.
    await new Promise((resolve) => setTimeout(resolve, 600));
    await slow.send(body.slice(9));
    await slow.receive(/HTTP\/1\.1 200[^]*"probability"/);
    slow.close();
    assert.equal((await serve.ended()).code, 0);
  },
);

processTest(
  "a client that stalls in the middle of its body delays the stop no longer than the drain timeout",
  async (_, folders) => {
    await using serve = await startServe([...folders, "--drain-delay", "0", "--drain-timeout", "0.3"]);
    const stalled = await connectRaw(serve.port);
    await stalled.send('POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"apr"');
    const chunked = await connectRaw(serve.port);
    await chunked.send(
      'POST /model HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"apr',
    );
    await ask(serve.origin, "/livez");
    const from = performance.now();
    serve.kill("SIGTERM");
    const { code, stderr } = await serve.ended();
    assert.equal(code, 0);
    assert.ok(performance.now() - from < 5_000);
    assert.match(stderr, /drain ended early/);
    stalled.close();
    chunked.close();
  },
);

processTest(
  "without a model the server starts, reports how to get one, and takes the first model that is assigned",
  async ({ modelsDir }) => {
    const empty = Deno.makeTempDirSync();
    await using serve = await startServe(["--data", empty, "--models", modelsDir]);
    assert.equal(serve.ready.model_id, null);
    assert.equal((await ask(serve.origin, "/livez")).status, 200);
    const ready = await runCommand(["healthcheck", "--url", serve.origin]);
    assert.equal(ready.code, 1);
    assert.match(ready.stderr, /not ready: No model is in production\. Train one/);
    const { status, json } = await ask(serve.origin, "/predict", row);
    assert.deepEqual([status, json.type], [503, "urn:clickwell:problem:model-missing"]);
    assert.match(String(json.detail), /clickwell train/);
    serve.kill("SIGINT");
    await serve.ended();
    Deno.removeSync(empty, { recursive: true });
  },
);

processTest(
  "healthcheck exits with 0 if the server is ready, and with 1 if there is none",
  async (_, flags) => {
    await using serve = await startServe(flags);
    assert.equal((await runCommand(["healthcheck", "--url", serve.origin])).code, 0);
    serve.kill("SIGINT");
    await serve.ended();
    const { code, stderr } = await runCommand(["healthcheck", "--url", serve.origin]);
    assert.equal(code, 1);
    assert.match(stderr, /does not answer/);
    assert.equal((await runCommand(["healthcheck", "--url", "localhost"])).code, 2);
  },
);

processTest(
  "on other addresses than loopback writes need a token: a given one, or one that the first start creates and keeps",
  async ({ dataDir }, folders) => {
    const flags = [...folders, "--host", "0.0.0.0"];
    const assign = (port: number, token: string) =>
      fetch(`http://127.0.0.1:${port}/model`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: '{"model_id":"2"}',
      }).then(async (response) => (await response.body?.cancel(), response.status));
    {
      await using guarded = await startServe(flags, { env: { CLICKWELL_ADMIN_TOKEN: "only-for-admins" } });
      const local = `http://127.0.0.1:${guarded.port}`;
      assert.equal((await ask(local, "/model", { model_id: 2 })).status, 401);
      assert.equal((await ask(local, "/predict", row)).status, 200);
    }
    const path = join(dataDir, "admin-token");
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound, "a given token is not kept");

    await using first = await startServe(flags);
    const token = Deno.readTextFileSync(path).trim();
    assert.match(token, /^[\w-]{43}$/);
    assert.equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
    assert.equal((await ask(`http://127.0.0.1:${first.port}`, "/model", { model_id: 2 })).status, 401);
    assert.equal(await assign(first.port, token), 200);
    first.kill("SIGINT");
    const { stderr } = await first.ended();
    assert.ok(stderr.includes(`kept in ${path}: ${token}`), stderr);
    assert.doesNotMatch(stderr, /writes are open/);

    await using second = await startServe([...folders, "--require-token"]);
    assert.equal(await assign(second.port, token), 200);
    assert.equal((await ask(second.origin, "/model", { model_id: 1 })).status, 401);
    second.kill("SIGINT");
    assert.ok(!(await second.ended()).stderr.includes(token), "the token is shown only when it is created");
  },
);

processTest(
  "a kept token that others can read, that is a link, or that is empty, is rejected",
  async ({ dataDir }, folders) => {
    const path = join(dataDir, "admin-token");
    const startError = async () => {
      const { code, stderr } = await runCommand(["serve", "--port", "0", ...folders, "--require-token"]);
      assert.equal(code, 2, stderr);
      return stderr;
    };
    Deno.writeTextFileSync(path, "x".repeat(43), { mode: 0o600 });
    Deno.chmodSync(path, 0o640);
    assert.match(await startError(), /can be read by other users: chmod 600/);
    Deno.chmodSync(path, 0o600);
    Deno.writeTextFileSync(path, "\n");
    assert.match(await startError(), /is empty/);
    Deno.renameSync(path, `${path}-2`);
    Deno.symlinkSync(`${path}-2`, path);
    assert.match(await startError(), /is a symbolic link/);
  },
);

processTest(
  "if no token can be kept, an address that other machines reach requires a given one",
  async (_, folders) => {
    // A file in place of the folder: not even root can write there.
    const file = Deno.makeTempFileSync();
    const flags = ["serve", "--port", "0", "--data", join(file, "data"), ...folders.slice(2)];
    const open = await runCommand([...flags, "--host", "0.0.0.0"]);
    assert.deepEqual(
      [open.code, /CLICKWELL_ADMIN_TOKEN.*--insecure/.test(open.stderr)],
      [2, true],
      open.stderr,
    );
    const required = await runCommand([...flags, "--require-token"]);
    assert.deepEqual(
      [required.code, /Cannot keep an admin token/.test(required.stderr)],
      [2, true],
      required.stderr,
    );
    Deno.removeSync(file);
  },
);

processTest(
  "without a token one log line reports that writes are open, and what to set",
  async (_, folders) => {
    await using serve = await startServe(folders);
    serve.kill("SIGINT");
    const { stderr } = await serve.ended();
    const lines = stderr.split("\n").filter((line) => line.includes("writes are open"));
    assert.equal(lines.length, 1);
    assert.match(
      lines[0],
      /Every program that reaches http:.*proxy on this machine.*--require-token.*CLICKWELL_ADMIN_TOKEN/,
    );
  },
);

processTest(
  "SIGTERM: clients that check readiness lose no request; Ctrl-C stops without a delay, a second signal at once",
  async (_, folders) => {
    await using serve = await startServe(folders);
    let ready = true;
    const failures: string[] = [];
    let answered = 0;
    // As a load balancer does: it polls, and opens new connections until the server is not ready.
    const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const polling = (async () => {
      for (; ready; await new Promise((resolve) => setTimeout(resolve, 200))) {
        const response = await fetch(`${serve.origin}/readyz`, { client });
        await response.body?.cancel();
        ready = response.status === 200;
      }
    })();
    const sending = Array.from({ length: 8 }, async () => {
      while (ready) {
        try {
          const response = await fetch(`${serve.origin}/predict`, { method: "POST", body, client });
          await response.text();
          answered++;
          if (response.status !== 200) failures.push(String(response.status));
        } catch (error) {
          failures.push(String(error));
        }
      }
    });
    setTimeout(() => serve.kill("SIGTERM"), 500);
    await Promise.all([polling, ...sending]);
    client.close();
    assert.deepEqual(failures, []);
    assert.ok(answered > 20, `${answered}`);
    const from = performance.now();
    assert.equal((await serve.ended()).code, 0);
    assert.ok(performance.now() - from > 2_000, "it keeps serving for some seconds");

    await using pressed = await startServe([...folders, "--drain-delay", "60"]);
    pressed.kill("SIGINT");
    assert.equal((await pressed.ended()).code, 0);

    await using twice = await startServe([...folders, "--drain-delay", "60"]);
    twice.kill("SIGTERM");
    for (let status = 200; status === 200;) status = (await ask(twice.origin, "/readyz")).status;
    await new Promise((resolve) => setTimeout(resolve, 500));
    twice.kill("SIGTERM");
    assert.equal((await twice.ended()).code, 130);
  },
);

processTest(
  "the stop does not wait for a client whose body was abandoned or rejected",
  async (_, folders) => {
    await using serve = await startServe(folders);
    const late = await connectRaw(serve.port);
    await late.send('POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"apr"');
    const long = await connectRaw(serve.port);
    await long.send("POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n\r\n{");
    await long.receive(/HTTP\/1\.1 413/);
    await late.receive(/HTTP\/1\.1 408/, 15_000);
    const from = performance.now();
    serve.kill("SIGINT");
    assert.equal((await serve.ended()).code, 0);
    assert.ok(performance.now() - from < 10_000, "of the drain timeout of twenty seconds");
    late.close();
    long.close();
  },
);

processTest("the token may be in a file, and is never shown", async ({ dataDir }, folders) => {
  const path = join(dataDir, "token");
  Deno.writeTextFileSync(path, "from-the-file\n", { mode: 0o644 });
  await using serve = await startServe(folders, { env: { CLICKWELL_ADMIN_TOKEN_FILE: path } });
  const assign = (token: string) =>
    fetch(`${serve.origin}/model`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: '{"model_id":"2"}',
    }).then(async (response) => ({ status: response.status, text: await response.text() }));
  const wrong = await assign("from-the-file-2");
  assert.equal(wrong.status, 401);
  assert.doesNotMatch(wrong.text, /from-the-file/);
  // fetch sends text/plain for a string: an assignment must have the media type of JSON.
  assert.equal((await assign("from-the-file")).status, 415);
  serve.kill("SIGINT");
  const { stderr } = await serve.ended();
  assert.doesNotMatch(stderr, /from-the-file/);
  assert.match(
    stderr,
    /note: every user of this machine can read the admin token in \S+\/token\. .*chmod 600/,
  );
});

processTest("a token in a file that others cannot read gets no note", async ({ dataDir }, folders) => {
  const path = join(dataDir, "own-token");
  Deno.writeTextFileSync(path, "from-the-file\n", { mode: 0o640 });
  await using serve = await startServe(folders, { env: { CLICKWELL_ADMIN_TOKEN_FILE: path } });
  serve.kill("SIGINT");
  assert.doesNotMatch((await serve.ended()).stderr, /can read the admin token/);
});

processTest(
  "on Vertex AI the server listens and answers at the addresses in its variables",
  async (_, folders) => {
    const env = {
      AIP_MODE: "PREDICTION",
      AIP_HTTP_PORT: "8080",
      AIP_HEALTH_ROUTE: "/v1/endpoints/7/deployedModels/8",
      AIP_PREDICT_ROUTE: "/v1/endpoints/7/deployedModels/8:predict",
    };
    await using serve = await startServe(folders, {
      env: { ...env, CLICKWELL_ADMIN_TOKEN: "only-for-admins" },
    });
    const local = `http://127.0.0.1:${serve.port}`;
    const health = await fetch(local + env.AIP_HEALTH_ROUTE);
    assert.deepEqual([health.status, await health.text()], [200, "\n"]);
    const { status, json } = await ask(local, env.AIP_PREDICT_ROUTE, { instances: [row] });
    const native = await ask(local, "/predict", row);
    assert.deepEqual([status, json.predictions], [200, [native.json.probability]]);
  },
);

const unusable: readonly (readonly [
  name: string,
  environment: Record<string, string>,
  flags: string[],
  code: number,
  message: RegExp,
])[] = [
  [
    "a variable that would change the address of the server",
    { DENO_SERVE_ADDRESS: "tcp:0.0.0.0:9" },
    [],
    2,
    /DENO_SERVE_ADDRESS/,
  ],
  [
    "a Vertex AI path that clickwell itself uses",
    { AIP_MODE: "PREDICTION", AIP_PREDICT_ROUTE: "/predict" },
    ["--host", "127.0.0.1"],
    2,
    /AIP_PREDICT_ROUTE is \/predict/,
  ],
  [
    "a Vertex AI path that is not a path",
    { AIP_MODE: "PREDICTION", AIP_HEALTH_ROUTE: "health" },
    [],
    2,
    /AIP_HEALTH_ROUTE is "health", expected a path/,
  ],
  [
    "a Vertex AI port that is not a port",
    { AIP_MODE: "PREDICTION", AIP_HTTP_PORT: "99999" },
    [],
    2,
    /AIP_HTTP_PORT/,
  ],
  ["a token given twice", { CLICKWELL_ADMIN_TOKEN: "a", CLICKWELL_ADMIN_TOKEN_FILE: "b" }, [], 2, /twice/],
  ["a token file that does not exist", { CLICKWELL_ADMIN_TOKEN_FILE: "nowhere" }, [], 2, /nowhere/],
  [
    "an address of another machine",
    {},
    ["--host", "192.0.2.1", "--insecure"],
    1,
    /Cannot listen on http:\/\/192\.0\.2\.1/,
  ],
];
for (const [name, environment, flags, code, message] of unusable) {
  processTest(`serve rejects ${name}`, async (_, folders) => {
    const result = await runCommand(["serve", "--port", "0", ...folders, ...flags], { env: environment });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, "");
  });
}

processTest("serve rejects a port that another program listens on", async (_, folders) => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const result = await runCommand(["serve", "--port", String(taken.addr.port), ...folders]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /another program uses the port\. Choose another --port/);
});

Deno.test({
  name: "a server that runs out of file descriptors keeps running, and answers again when some are free",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const models = makeServedModels();
    // One thread: another would answer before this one has bound its port again.
    const flags = ["--data", models.dataDir, "--models", models.modelsDir, "--workers", "1"];
    await using serve = await startServe(flags, { descriptorsMax: 96 });
    const connections: Deno.Conn[] = [];
    for (let i = 0; i < 120; i++) {
      try {
        connections.push(await Deno.connect({ hostname: "127.0.0.1", port: serve.port }));
      } catch { /* rejected, as intended */ }
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const connection of connections) connection.close();
    for (let status = 0; status !== 200;) {
      status = await ask(serve.origin, "/predict", row).then((answer) => answer.status, () => 0);
    }
    serve.kill("SIGINT");
    const { code, stderr } = await serve.ended();
    assert.equal(code, 0);
    assert.match(stderr, /listener lost.*[^]*listening again/);
    models.remove();
  },
});
