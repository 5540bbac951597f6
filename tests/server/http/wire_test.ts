import assert from "node:assert/strict";
import { runtimeParsesHttp } from "../../../server/runtime/listener.ts";
import { connectRaw, type RawConnection } from "../../support/raw_connection.ts";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";
import { inferBody } from "../../support/tensors.ts";

const body = JSON.stringify(row);

/** Runs a test with a connection to a new server. */
function wireTest(
  name: string,
  run: (connection: RawConnection, running: RunningServer) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using running = await runServer({ drainTimeoutMs: 200 });
    const connection = await connectRaw(running.server.port);
    try {
      await run(connection, running);
    } finally {
      connection.close();
    }
  });
}

function post(path: string, headers: readonly string[], text = ""): string {
  return [`POST ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headers, "", text].join("\r\n");
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

wireTest("the fast path answers as the router does, on one connection", async (connection) => {
  for (let i = 0; i < 3; i++) {
    await connection.send(post("/predict", [`Content-Length: ${body.length}`], body));
  }
  const received = await connection.receive(/(?:HTTP\/1\.1 200[^]*?"request_id":"[^"]+"\}[^]*){3}/);
  const ids = received.match(/"request_id":"[^"]+"/g) ?? [];
  assert.equal(new Set(ids).size, 3, "each request has its own id");
  const heads = received.split(/\{[^}]*\}/).map((head) => head.replace(/date: .*/i, "").trim()).filter(
    Boolean,
  );
  assert.equal(new Set(heads).size, 1, "with the same headers");
});

wireTest(
  "predictions of other protocols take the fast path, too: one header, and ids in the body",
  async (connection) => {
    const instances = JSON.stringify({ instances: [row] });
    for (let i = 0; i < 3; i++) {
      await connection.send(
        post("/v1/models/clickwell:predict", [`Content-Length: ${instances.length}`], instances),
      );
    }
    const received = await connection.receive(/(?:HTTP\/1\.1 200[^]*?"request_id":"[^"]+"\}[^]*){3}/);
    assert.equal(new Set(received.match(/"request_id":"[^"]+"/g)).size, 3, "each request has its own id");
    assert.equal(received.match(/"predictions":\[0\.\d+\],"model_id":"cw-/g)?.length, 3);
    assert.doesNotMatch(received, /x-model-id/i);
    await connection.send(post("/v1/models/clickwell:predict", ["Content-Length: 2"], "[]"));
    await connection.receive(/HTTP\/1\.1 400[^]*x-request-id[^]*"error":/i);
  },
);

wireTest("tensors behind the JSON come through, however they are sent", async (connection) => {
  const { body, headers } = inferBody([row], { binary: true });
  const path = "/v2/models/clickwell/infer";
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const send = async (length: string, ...parts: (string | Uint8Array)[]) => {
    await connection.send(post(path, [...lines, length]));
    for (const part of parts) await connection.send(part);
  };
  for (let i = 0; i < 2; i++) await send(`Content-Length: ${body.length}`, body);
  await send("Transfer-Encoding: chunked", `${body.length.toString(16)}\r\n`, body, "\r\n0\r\n\r\n");
  await connection.receive(/(?:HTTP\/1\.1 200[^]*?"data":\[0\.\d+\][^]*){3}/);
});

wireTest("a chunked body is read as a whole one is", async (connection) => {
  const chunks = chunk(body.slice(0, 20)) + chunk(body.slice(20)) + "0\r\n\r\n";
  await connection.send(post("/predict", ["Transfer-Encoding: chunked"], chunks));
  await connection.receive(/HTTP\/1\.1 200[^]*"probability":0\.\d+/);
});

for (const times of ["first", "second"]) {
  wireTest(
    `a chunked body that never ends is rejected at 1 MiB, at the ${times} request`,
    async (connection, { server: { port } }) => {
      if (times === "second") {
        const before = await connectRaw(port);
        await before.send(post("/predict", [`Content-Length: ${body.length}`], body));
        await before.receive(/HTTP\/1\.1 200/);
        before.close();
      }
      await connection.send(post("/predict", ["Transfer-Encoding: chunked"]));
      const mebibyte = chunk(" ".repeat(1024 * 1024));
      await connection.send(mebibyte);
      await connection.send(chunk("  "));
      await connection.receive(/HTTP\/1\.1 413[^]*body-oversized/);
    },
  );
}

wireTest("a body that is announced as too long is rejected before it is sent", async (connection) => {
  await connection.send(post("/predict", ["Content-Length: 1073741824"]));
  await connection.receive(/HTTP\/1\.1 413[^]*body-oversized/);
});

wireTest("a chunked body cannot hide its length behind a Content-Length", async (connection) => {
  const headers = ["Content-Length: 2", "Transfer-Encoding: chunked"];
  await connection.send(post("/predict", headers, chunk("  ")));
  // Some versions of the runtime reject this themselves, and close the connection.
  try {
    for (let sent = 0; sent <= 1024; sent += 64) await connection.send(chunk(" ".repeat(65_536)));
  } catch { /* hung up */ }
  await connection.receive(/HTTP\/1\.1 4(?:00|13)/);
});

wireTest("an unread body is not parsed as the next request", async (connection) => {
  const hidden = "POST /model HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
  await connection.send(post("/nowhere", [`Content-Length: ${hidden.length}`], hidden));
  await connection.receive(/HTTP\/1\.1 404/);
  await connection.send("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const received = await connection.receive(/"live":true/);
  assert.equal(received.match(/HTTP\/1\.1 /g)?.length, 2);
});

const rejected: readonly (readonly [name: string, request: string, answer: RegExp])[] = [
  [
    "a path in the Host header does not become the path of the request",
    "GET /livez HTTP/1.1\r\nHost: x/model?\r\n\r\n",
    /400[^]*host-invalid/,
  ],
  ["a Host header that is no host", "GET /livez HTTP/1.1\r\nHost: [\r\n\r\n", /400[^]*host-invalid/],
  ["no Host header", "GET /model HTTP/1.1\r\n\r\n", /400[^]*host-invalid/],
  ["no Host header for a write", "POST /livez HTTP/1.0\r\n\r\n", /400[^]*host-invalid/],
  ["no Host header, and a health path that is none", "GET /livez/../model HTTP/1.0\r\n\r\n", /40[04]/],
  [
    "Content-Length and Transfer-Encoding",
    post("/model", ["Content-Length: 2", "Transfer-Encoding: chunked"], `${chunk("{}")}0\r\n\r\n`),
    /HTTP\/1\.1 400/,
  ],
  [
    "Content-Length and Transfer-Encoding of a prediction",
    post("/predict", ["Content-Length: 2", "Transfer-Encoding: chunked"], `${chunk("{}")}0\r\n\r\n`),
    /HTTP\/1\.1 400/,
  ],
  // On versions before 2.9, the runtime hides this: see docs/security.md.
  ...(runtimeParsesHttp
    ? [
      [
        "a fragment in the path",
        "POST /model#/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        /400[^]*target-invalid/,
      ] as const,
    ]
    : []),
  [
    "an absolute target for another host",
    "GET http://elsewhere/livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    /400[^]*target-invalid/,
  ],
  ["dot segments", "GET /model/../livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", /400[^]*target-invalid/],
  [
    "escaped dot segments",
    "GET /model/%2e%2e/livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    /400[^]*target-invalid/,
  ],
  ["an escaped slash", "GET /models%2f1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", /400[^]*target-invalid/],
  ["two slashes", "GET //livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", /400[^]*target-invalid/],
  ["TRACE", "TRACE /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", /405[^]*allow: GET, HEAD/i],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", /HTTP\/1\.1 40[045]/],
];

/** Health checks of load balancers; old ones use HTTP/1.0 without Host. */
for (
  const path of ["/livez", "/healthz", "/readyz", "/ping", "/health", "/v2/health/live", "/v2/health/ready"]
) {
  wireTest(`${path} is answered without a Host header`, async (connection) => {
    await connection.send(`GET ${path} HTTP/1.0\r\n\r\n`);
    await connection.receive(/^HTTP\/1\.[01] 200/);
  });
}

for (const [name, request, answer] of rejected) {
  wireTest(`rejected: ${name}`, async (connection) => {
    await connection.send(request);
    await connection.receive(answer);
  });
}

wireTest(
  "a client that disconnects in the middle of its body is not logged as a bug",
  async (connection, { log, server: { port } }) => {
    await connection.send(post("/predict", ["Content-Length: 100"], '{"apr":'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    connection.close();
    const next = await connectRaw(port);
    await next.send(post("/predict", [`Content-Length: ${body.length}`], body));
    await next.receive(/HTTP\/1\.1 200/);
    next.close();
    assert.deepEqual(log.filter((line) => line.includes('"bug"')), []);
  },
);
