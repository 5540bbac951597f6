import assert from "node:assert/strict";
import fc from "fast-check";
import { createLog } from "../../../server/runtime/log.ts";
import { createRequestLog, errorsPerWindow, type RequestLogMode } from "../../../server/http/request_log.ts";
import { traceContextOf } from "../../../server/http/trace_context.ts";
import { connectRaw } from "../../support/raw_connection.ts";
import { runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${parentId}-01`;

function contextOf(header: string) {
  return traceContextOf(new Request("http://127.0.0.1/", { headers: { traceparent: header } }));
}

Deno.test("traceparent: only a header of the recommended form is used", () => {
  assert.deepEqual(contextOf(traceparent), { traceId, parentId });
  assert.deepEqual(contextOf(`cc-${traceId}-${parentId}-09-what-comes-later`), { traceId, parentId });
  for (
    const odd of [
      "",
      `00-${traceId}-${parentId}`,
      `00-${traceId}-${parentId}-01-more`,
      `ff-${traceId}-${parentId}-01`,
      `00-${"0".repeat(32)}-${parentId}-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
      `00-${traceId.toUpperCase()}-${parentId}-01`,
      `00-${traceId}-${parentId}-01 `.repeat(2),
    ]
  ) assert.equal(contextOf(odd), undefined, odd);
});

Deno.test("traceparent: for any header, only hexadecimal digits are used", () => {
  fc.assert(fc.property(fc.stringMatching(/^[0-9a-f-]{50,70}$/), (header) => {
    const found = contextOf(header);
    if (found) assert.match(found.traceId + found.parentId, /^[0-9a-f]{48}$/);
  }));
});

async function linesOf(mode: RequestLogMode) {
  await using running = await runServer({ logRequests: mode });
  const { origin, port } = running.server;
  const post = (body: unknown, headers = {}) =>
    fetch(`${origin}/predict`, { method: "POST", body: JSON.stringify(body), headers }).then((r) => r.json());
  const good = await post(row, { traceparent, "x-request-id": "mine" });
  const bad = await post({ apr: "secret-of-a-client" }, { traceparent });
  await fetch(`${origin}/models?token=secret-of-a-client`).then((response) => response.body?.cancel());
  const raw = await connectRaw(port);
  await raw.send(`GET /%0a2026%20fake HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await raw.receive(/400/);
  raw.close();
  const lines = running.log.map((line) => JSON.parse(line)).filter(({ event }) => event === "request");
  return { lines, good, bad };
}

Deno.test("--log-requests all: a line per request, with its id and its trace, and without query, body or headers", async () => {
  const { lines, good, bad } = await linesOf("all");
  assert.deepEqual(lines.map(({ method, path, status }) => [method, path, status]), [
    ["POST", "/predict", 200],
    ["POST", "/predict", 422],
    ["GET", "/models", 200],
    ["GET", "/%0a2026%20fake", 400],
  ]);
  const [first, second] = lines;
  assert.equal(good.request_id, "mine");
  assert.deepEqual([first.request_id, first.trace_id, first.parent_span_id], ["mine", traceId, parentId]);
  assert.deepEqual([second.request_id, second.trace_id], [bad.request_id, traceId]);
  assert.equal(first.client, "127.0.0.1");
  assert.ok(first.duration_ms > 0 && first.duration_ms < 10_000);
  assert.doesNotMatch(JSON.stringify(lines), /secret-of-a-client/);
});

Deno.test("--log-requests errors: a line per rejected request", async () => {
  const { lines } = await linesOf("errors");
  assert.deepEqual(lines.map(({ level, status }) => [level, status]), [["warn", 422], ["warn", 400]]);
});

Deno.test("without --log-requests: no line per request, and rejections are logged with their trace", async () => {
  await using running = await runServer();
  await fetch(`${running.server.origin}/predict`, { method: "POST", body: "{", headers: { traceparent } })
    .then((response) => response.body?.cancel());
  await running.server.stop();
  const lines = running.log.map((line) => JSON.parse(line));
  assert.deepEqual(lines.filter(({ event }) => event === "request"), []);
  const { counts, last } = lines.find(({ event }) => event === "requests refused");
  assert.deepEqual(counts, { "media-type-invalid": 1 });
  assert.deepEqual([last.trace_id, last.parent_span_id], [traceId, parentId]);
});

Deno.test("--log-requests errors: thousands of bad requests do not get a line each", () => {
  const lines: string[] = [];
  const log = createLog({ format: "json", level: "info", write: (line) => lines.push(line) });
  let now = 0;
  const note = createRequestLog(log, "errors", () => now);
  const request = new Request("http://127.0.0.1/nowhere");
  const answered = { request, requestId: "r", client: "c", status: 404, durationMs: 1 };
  for (let i = 0; i < 5_000; i++) note?.(answered);
  assert.equal(lines.length, errorsPerWindow);
  now += 1_000;
  note?.(answered);
  assert.equal(lines.length, errorsPerWindow + 2);
  assert.equal(JSON.parse(lines[errorsPerWindow]).count, 5_000 - errorsPerWindow);
});
