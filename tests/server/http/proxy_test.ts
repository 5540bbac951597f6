import assert from "node:assert/strict";
import { hasNginx, startNginx, startPlainNginx } from "../../support/nginx.ts";
import { inFolder } from "../../support/program.ts";
import { connectRaw, type RawConnection } from "../../support/raw_connection.ts";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

const ignore = !await hasNginx();
if (ignore) console.log("skipped: the configuration of docs/proxy.md: nginx is not installed");

const token = "a-token-for-this-test";
const name = "clickwell.example";
const body = JSON.stringify(row);

/** Shorter timeouts than in docs/proxy.md, so that the tests are fast. */
const impatient = {
  "client_header_timeout 10s;": "client_header_timeout 1s;",
  "client_body_timeout 10s;": "client_body_timeout 1s;",
  "keepalive_timeout 65s;": "keepalive_timeout 1s;",
};

function proxyTest(
  what: string,
  run: (
    world: { running: RunningServer; port: number; connect: () => Promise<RawConnection> },
  ) => Promise<void>,
): void {
  Deno.test({
    name: `nginx as in docs/proxy.md: ${what}`,
    ignore,
    fn: () =>
      inFolder(async (folder) => {
        await using running = await runServer({ token, drainTimeoutMs: 500 });
        await using nginx = await startNginx(folder, running.server.port, impatient);
        const connections: RawConnection[] = [];
        try {
          await run({
            running,
            port: nginx.port,
            async connect() {
              const connection = await connectRaw(nginx.port);
              connections.push(connection);
              return connection;
            },
          });
        } finally {
          for (const connection of connections) connection.close();
        }
      }),
  });
}

function request(method: string, path: string, headers: readonly string[] = [], text = ""): string {
  const length = text === "" ? [] : [`Content-Length: ${text.length}`];
  return [`${method} ${path} HTTP/1.1`, `Host: ${name}`, ...length, ...headers, "", text].join("\r\n");
}

proxyTest(
  "predictions, assignments and streams are forwarded, with the client's address",
  async ({ connect, running }) => {
    const connection = await connect();
    await connection.send(request("POST", "/predict", [], body));
    await connection.receive(/HTTP\/1\.1 200[^]*"probability":0\.\d+/);
    const headers = ["Content-Type: application/json", `Authorization: Bearer ${token}`];
    await connection.send(request("POST", "/model", headers, '{"model_id":2}'));
    await connection.receive(/"version":2[^]*"assigned_by":"http 127\.0\.0\.1"/);
    assert.equal(running.server.modelId, running.models.first.id, "it was the first before");
    const stream = await connect();
    const ndjson = ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"];
    await stream.send(request("POST", "/predict/batch", ndjson));
    for (let i = 1; i <= 3; i++) {
      await stream.send(`${(body.length + 1).toString(16)}\r\n${body}\n\r\n`);
      await stream.receive(new RegExp(`(?:"probability":[^]*){${i}}`));
    }
    await stream.send("0\r\n\r\n");
    await stream.receive(/\r\n0\r\n\r\n$/);
  },
);

proxyTest(
  "slow headers, slow bodies, silent and idle connections are closed, while others are answered",
  async (world) => {
    const { connect, running } = world;
    const slow: [what: string, sent: string, drip: string][] = [
      ["silent", "", ""],
      ["half a request line", "POST /pre", ""],
      ["half a head", `POST /predict HTTP/1.1\r\nHost: ${name}\r\n`, ""],
      ["a head that drips", `POST /predict HTTP/1.1\r\nHost: ${name}\r\n`, "X-A: b\r\n"],
      ["a body that stalls", request("POST", "/predict", ["Content-Length: 500"]) + '{"apr"', ""],
      ["a chunk that stalls", request("POST", "/predict", ["Transfer-Encoding: chunked"]) + "5\r\n{", ""],
      ["idle after an answer", request("GET", "/livez"), ""],
    ];
    const attackers = await Promise.all(slow.map(async ([what, sent, drip]) => {
      const connection = await connect();
      await connection.send(sent);
      const dripping = drip === ""
        ? undefined
        : setInterval(() => connection.send(drip).catch(() => {}), 200);
      return { what, connection, dripping };
    }));
    const good = await connect();
    await good.send(request("POST", "/predict", [], body));
    await good.receive(/HTTP\/1\.1 200/);
    for (const { what, connection, dripping } of attackers) {
      await connection.end(10_000).catch((error) => assert.fail(`${what}: ${error.message}`));
      clearInterval(dripping);
    }
    assert.deepEqual(running.log.filter((line) => line.includes('"bug"')), []);
  },
);

proxyTest(
  "a body that is too long, or is announced so, is rejected before it reaches the server",
  async ({ connect }) => {
    const long = await connect();
    await long.send(request("POST", "/predict", ["Content-Length: 1073741824"]));
    await long.receive(/HTTP\/1\.1 413/);
    const chunked = await connect();
    await chunked.send(request("POST", "/predict", ["Transfer-Encoding: chunked"]));
    const chunk = `${(65_536).toString(16)}\r\n${" ".repeat(65_536)}\r\n`;
    try {
      for (let i = 0; i < 20; i++) await chunked.send(chunk);
    } catch { /* hung up */ }
    await chunked.receive(/HTTP\/1\.1 413/);
  },
);

proxyTest(
  "a forged Host does not reach the server, and no path hides another",
  async ({ connect }) => {
    for (const host of ["elsewhere.example", "localhost", "x/model?", `${name}/model?`, "127.0.0.1", ""]) {
      const connection = await connect();
      await connection.send(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const answer = await connection.end().catch(() => "");
      assert.doesNotMatch(answer, /clickwell_/, host);
    }
    for (
      const path of ["/model/../metrics%2f", "//livez", "/livez/%2e%2e/model", "/%6dodel%00", "/model%5c.."]
    ) {
      const connection = await connect();
      await connection.send(request("GET", path, ["Connection: close"]));
      assert.match(await connection.end(), /HTTP\/1\.1 (400|404)/, path);
    }
    const smuggled = await connect();
    await smuggled.send(
      request("POST", "/predict", ["Content-Length: 6", "Transfer-Encoding: chunked"]) +
        "0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    );
    assert.doesNotMatch(await smuggled.end(), /clickwell_/);
  },
);

proxyTest(
  "wrong tokens are counted per client, and do not lock out others",
  async ({ connect, running }) => {
    const write = (headers: readonly string[]) =>
      request("POST", "/model", ["Content-Type: application/json", ...headers], '{"model_id":2}');
    const guessing = await connect();
    for (let i = 0; i < 12; i++) {
      await guessing.send(write([`Authorization: Bearer guess-${i}`, `X-Forwarded-For: 198.51.100.${i}`]));
      await guessing.receive(new RegExp(`(?:HTTP/1\\.1 4(?:01|29)[^]*){${i + 1}}`));
    }
    await guessing.receive(/HTTP\/1\.1 429/);
    // The same proxy with another client.
    const other = await connectRaw(running.server.port);
    await other.send(
      `POST /model HTTP/1.1\r\nHost: ${name}\r\nX-Forwarded-For: 203.0.113.7\r\nContent-Type: application/json\r\n` +
        `Authorization: Bearer ${token}\r\nContent-Length: 14\r\n\r\n{"model_id":2}`,
    );
    await other.receive(/HTTP\/1\.1 200[^]*"assigned_by":"http 203\.0\.113\.7"/);
    other.close();
  },
);

/** Writes through an nginx that adds no header. @returns The status of `POST /model` and of `POST /predict`. */
async function throughPlainNginx(
  options: Parameters<typeof runServer>[0],
): Promise<readonly [number, number]> {
  let statuses: readonly [number, number] = [0, 0];
  await inFolder(async (folder) => {
    await using running = await runServer({ drainTimeoutMs: 500, ...options });
    await using nginx = await startPlainNginx(folder, running.server.port);
    const post = async (path: string, body: unknown) => {
      const response = await fetch(`http://127.0.0.1:${nginx.port}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      await response.body?.cancel();
      return response.status;
    };
    statuses = [await post("/model", { model_id: 2 }), await post("/predict", row)];
  });
  return statuses;
}

Deno.test({
  name: "nginx with only proxy_pass: its requests look local, so that writes are open without a token",
  ignore,
  async fn() {
    assert.deepEqual(await throughPlainNginx({ token: undefined }), [200, 200]);
    assert.deepEqual(await throughPlainNginx({ token }), [401, 200]);
  },
});
