import assert from "node:assert/strict";
import { startServe } from "../../support/serve_process.ts";
import { makeServedModels, row } from "../../support/served_models.ts";
import {
  attackLatencyMaxMs,
  attackMegabytesMax,
  measurePredictionsInThread,
  memoryOf,
  repeatUntil,
} from "../../support/server_pressure.ts";

interface Attack {
  readonly name: string;
  readonly path: string;
  readonly type?: string;
  readonly body: () => string;
  /** The allowed statuses, in addition to 503. */
  readonly status: number;
}

const json = "application/json";
const unknownFields = (count: number) =>
  Array.from({ length: count }, (_, i) => `"unknown_${i}":${i}`).join(",");
const mebibyte = 1024 * 1024;
const filled = (text: string, byteCount: number) => text.repeat(Math.floor(byteCount / text.length));

const attacks: readonly Attack[] = [
  {
    name: "a batch of rows with 80 unknown fields each",
    path: "/predict/batch",
    body: () => `[${filled(`{${unknownFields(80)}},`, 7.9 * mebibyte)}{}]`,
    status: 422,
  },
  {
    name: "lists in lists",
    path: "/v1/models/clickwell:predict",
    body: () => `{"instances":${"[".repeat(2_900_000)}${"]".repeat(2_900_000)}}`,
    status: 413,
  },
  {
    name: "three million values as rows",
    path: "/invocations",
    body: () => `{"instances":[${"1,".repeat(3_000_000)}1]}`,
    status: 413,
  },
  {
    name: "three million values as a tensor",
    path: "/v2/models/clickwell/infer",
    body: () =>
      `{"inputs":[{"name":"apr","datatype":"FP64","shape":[3000000],"data":[${"1,".repeat(2_999_999)}1]}]}`,
    status: 413,
  },
  {
    name: "a million and a half lines of CSV",
    path: "/invocations",
    type: "text/csv",
    body: () => "1,2\n".repeat(1_500_000),
    status: 413,
  },
  {
    name: "rows of a body with other members",
    path: "/predict/batch",
    body: () => `{"x":1,"rows":[${"1,".repeat(9_000)}1],"y":"${"z".repeat(7 * mebibyte)}"}`,
    status: 422,
  },
  {
    name: "a ranking of a lead with thousands of fields",
    path: "/rank",
    body: () => `{"lead":{${unknownFields(9_000)}},"offers":[${"{},".repeat(9_000)}{}]}`,
    status: 422,
  },
];

for (const { name, path, type = json, body, status } of attacks) {
  Deno.test({
    name: `attack: eight at once of ${name} hold up no thread and take bounded memory`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const models = makeServedModels();
      try {
        await using serve = await startServe([
          ...["--data", models.dataDir, "--models", models.modelsDir, "--workers", "2"],
        ]);
        for (let i = 0; i < 40; i++) {
          const response = await fetch(`${serve.origin}/predict`, {
            method: "POST",
            body: JSON.stringify(row),
          });
          await response.body?.cancel();
        }
        const base = memoryOf(serve.pid).now;
        const text = body();
        const request = { method: "POST", headers: { "content-type": type }, body: text };
        let over = false;
        const attackers = repeatUntil(
          () => over,
          8,
          () => fetch(serve.origin + path, request).catch(unavailable),
        );
        const { rounds, statuses } = await measurePredictionsInThread(serve.origin, 40_000);
        over = true;
        const answers = await attackers;
        assert.ok(answers.has(status), [...answers].join(", "));
        assert.deepEqual([...answers].filter((answer) => answer !== status && answer !== 503), []);
        assert.deepEqual([...statuses], [200]);
        assert.ok(
          rounds.some((p99) => p99 <= attackLatencyMaxMs),
          `99th percentiles of ${rounds.map(Math.round)} ms`,
        );
        const { peak } = memoryOf(serve.pid);
        assert.ok(peak <= base + attackMegabytesMax, `${peak.toFixed(0)} MiB, ${base.toFixed(0)} before`);
      } finally {
        models.remove();
      }
    },
  });
}

/** The server closes the connection of a body beyond the quota: a client that is still sending may not receive the answer. */
function unavailable(error: unknown): Response {
  if (!(error instanceof TypeError)) throw error;
  return new Response(null, { status: 503 });
}

Deno.test("attack: a batch is aborted after a hundred invalid rows, and lines of a stream have short problems", async () => {
  const models = makeServedModels();
  try {
    await using serve = await startServe(["--data", models.dataDir, "--models", models.modelsDir]);
    const send = async (body: string, type = json) => {
      const headers = { "content-type": type };
      const response = await fetch(`${serve.origin}/predict/batch`, { method: "POST", headers, body });
      return { status: response.status, text: await response.text() };
    };
    const good = JSON.stringify(row);
    const some = await send(`[${`${good},1,`.repeat(100)}${good}]`);
    assert.equal(some.status, 200, "a hundred are reported in their places");
    const given = await send(`[${`${good},1,`.repeat(101)}${good}]`);
    assert.equal(given.status, 422);
    assert.match(given.text, /More than 100 rows cannot be answered, up to row 201 \(from 0\)/);
    const columns = await send(`{"columns":{"apr":[${Array(101).fill('"x"')}]}}`);
    assert.equal(columns.status, 422);
    const bad = `{${unknownFields(80)}}`;
    const lines = await send(`${bad}\n`.repeat(300), "application/x-ndjson");
    assert.equal(lines.status, 200);
    const answers = lines.text.trimEnd().split("\n");
    assert.equal(answers.length, 300);
    for (const answer of answers) assert.ok(answer.length < bad.length, answer);
    assert.ok(answers[299].length < 300, answers[299]);
  } finally {
    models.remove();
  }
});
