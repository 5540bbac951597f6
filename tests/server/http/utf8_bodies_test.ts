import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";
import { bytesOf, inferBody } from "../../support/tensors.ts";

/** Placeholder in a body for the bytes that are not UTF-8. */
const place = "@@@";
const spoilt = { ...row, credit: place };

const notUtf8: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ["Latin-1", [0xe9]],
  ["an overlong form", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["half a character", [0xf0, 0x9f, 0x98]],
  ["no byte of UTF-8", [0xff]],
];

const json = { "content-type": "application/json" };
const ndjson = { "content-type": "application/x-ndjson" };
const csv = { "content-type": "text/csv" };
const names = Object.keys(row);
const cells = (of: typeof spoilt) => Object.values(of).join(",");

const bodies: readonly { path: string; headers: Record<string, string>; text: string }[] = [
  { path: "/predict", headers: json, text: JSON.stringify(spoilt) },
  { path: "/predict", headers: json, text: JSON.stringify({ ...row, offer_id: place }) },
  { path: "/predict?explain=true", headers: json, text: JSON.stringify(spoilt) },
  { path: "/predict/batch", headers: json, text: JSON.stringify([row, spoilt]) },
  { path: "/predict/batch", headers: json, text: JSON.stringify({ columns: { credit: [place] } }) },
  { path: "/rank", headers: json, text: JSON.stringify({ offers: [spoilt] }) },
  {
    path: "/predict/what-if",
    headers: json,
    text: JSON.stringify({ features: row, changes: [{ credit: place }] }),
  },
  { path: "/model", headers: json, text: JSON.stringify({ model_id: "x", reason: place }) },
  { path: "/invocations", headers: json, text: JSON.stringify({ dataframe_records: [spoilt] }) },
  { path: "/invocations", headers: csv, text: `${names.join(",")}\n${cells(spoilt)}` },
  { path: "/invocations", headers: csv, text: `${cells(spoilt)}` },
  { path: "/v1/models/clickwell:predict", headers: json, text: JSON.stringify({ instances: [spoilt] }) },
  { path: "/v1/models/clickwell:regress", headers: json, text: JSON.stringify({ examples: [spoilt] }) },
  {
    path: "/v2/models/clickwell/infer",
    headers: json,
    text: new TextDecoder().decode(inferBody([spoilt], { binary: false }).body),
  },
];

/** The body with the placeholder replaced by these bytes. */
function spoiltBody(text: string | Uint8Array, bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const whole = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const at = whole.findIndex((_, i) => [...place].every((mark, k) => whole[i + k] === mark.charCodeAt(0)));
  assert(at >= 0);
  return Uint8Array.of(...whole.subarray(0, at), ...bytes, ...whole.subarray(at + place.length));
}

/** At once, and in chunks without a Content-Length. */
function waysToSend(body: Uint8Array<ArrayBuffer>): { name: string; body: BodyInit }[] {
  return [
    { name: "at once", body },
    { name: "in chunks", body: new Blob([body]).stream() },
  ];
}

Deno.test("UTF-8: other bytes are answered with 400 body-malformed by every protocol", async () => {
  await using running = await runServer({ vertex: { health: "/vertex/health", predict: "/vertex/predict" } });
  const { origin } = running.server;
  const vertex = { path: "/vertex/predict", headers: json, text: JSON.stringify({ instances: [spoilt] }) };
  for (const { path, headers, text } of [...bodies, vertex]) {
    for (const [what, bytes] of notUtf8) {
      for (const { name, body } of waysToSend(spoiltBody(text, bytes))) {
        const response = await fetch(`${origin}${path}`, { method: "POST", headers, body });
        const { type, detail } = await response.json();
        const asked = `${path}, ${headers["content-type"]}, ${what}, ${name}: ${detail}`;
        assert.deepEqual([response.status, type], [400, "urn:clickwell:problem:body-malformed"], asked);
        assert.match(detail, /not UTF-8/);
      }
    }
  }
});

Deno.test("UTF-8: in newline-delimited JSON, a line of other bytes is rejected, and the others are answered", async () => {
  await using running = await runServer();
  const text = [row, spoilt, row].map((row) => JSON.stringify(row)).join("\n");
  for (const [what, bytes] of notUtf8) {
    for (const { name, body } of waysToSend(spoiltBody(text, bytes))) {
      const response = await fetch(`${running.server.origin}/predict/batch`, {
        method: "POST",
        headers: ndjson,
        body,
      });
      const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.equal(lines.length, 3, `${what}, ${name}`);
      assert.deepEqual([lines[1].index, lines[1].error.type], [1, "urn:clickwell:problem:body-malformed"]);
      assert.deepEqual([typeof lines[0].probability, lines[2].probability], ["number", lines[0].probability]);
    }
  }
});

Deno.test("UTF-8: tensors and base64 texts of other bytes are rejected, also in compressed bodies", async () => {
  await using running = await runServer();
  const { origin } = running.server;
  const infer = "/v2/models/clickwell/infer";
  for (const [what, bytes] of notUtf8) {
    // The length of the text, three bytes, becomes the number of these bytes.
    const { body, headers } = inferBody([{ ...row, credit: place.slice(0, bytes.length).padEnd(3, "@") }], {
      binary: true,
    });
    const spoiltTail = spoiltBody(body, [...bytes, ...Array(3 - bytes.length).fill(0x40)]);
    const tensor = await fetch(`${origin}${infer}`, { method: "POST", headers, body: spoiltTail });
    assert.equal(tensor.status, 400, what);
    assert.match(JSON.stringify(await tensor.json()), /not valid UTF-8/);
    const packed = gzipSync(spoiltBody(JSON.stringify({ dataframe_records: [spoilt] }), bytes));
    const gzip = await fetch(`${origin}/invocations`, {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body: new Uint8Array(packed),
    });
    assert.deepEqual([gzip.status, (await gzip.json()).type], [400, "urn:clickwell:problem:body-malformed"]);
    const b64 = btoa(String.fromCharCode(...bytes));
    const base64 = await running.ask("/v1/models/clickwell:predict", {
      instances: [{ ...row, credit: { b64 } }],
    });
    assert.equal(base64.status, 400, what);
  }
  const head = bytesOf({ inputs: [{ name: place }] }, []);
  const spoiltHead = spoiltBody(head.body, [0xe9]);
  const answer = await fetch(`${origin}${infer}`, {
    method: "POST",
    headers: { "inference-header-content-length": String(spoiltHead.length) },
    body: spoiltHead,
  });
  assert.deepEqual([answer.status, (await answer.json()).type], [
    400,
    "urn:clickwell:problem:body-malformed",
  ]);
});

Deno.test("UTF-8: U+FFFD itself can be sent: unescaped in CSV and lines, escaped in JSON", async () => {
  await using running = await runServer();
  const { origin } = running.server;
  const category = { ...row, credit: "\ufffd" };
  const escaped = JSON.stringify(category).replace("\ufffd", "\\ufffd");
  const asked: [string, Record<string, string>, string][] = [
    ["/predict", json, escaped],
    ["/predict/batch", ndjson, JSON.stringify(category)],
    ["/invocations", csv, `${names.join(",")}\n${cells(category)}`],
  ];
  for (const [path, headers, body] of asked) {
    const response = await fetch(`${origin}${path}`, { method: "POST", headers, body });
    assert.equal(response.status, 200, `${path}: ${await response.text()}`);
  }
});
