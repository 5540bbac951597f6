import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { withOmittedRequests } from "../../commands/bench/coordinated_omission.ts";
import { percentile, type Speed } from "../../commands/bench/measure.ts";
import { responseEnd } from "../../commands/bench/response_end.ts";
import { expectations } from "../../commands/bench/text.ts";
import { inFolder, run, spawn } from "../support/program.ts";
import { makeServedModels } from "../support/served_models.ts";

const speed = z.strictObject({
  requests: z.int().positive(),
  connections: z.int().positive(),
  rows_per_request: z.int().positive(),
  requests_per_second: z.number().positive(),
  rows_per_second: z.number().positive(),
  p50_ms: z.number().positive(),
  p99_ms: z.number().positive(),
});
const report = z.strictObject({
  model_id: z.string().startsWith("cw-"),
  generated: z.boolean(),
  cores: z.int(),
  workers: z.int(),
  load_threads: z.int().positive(),
  seconds: z.number(),
  predict: speed,
  batch: speed,
  expect: z.array(z.string()).min(3),
});

/** The names of what is in a folder, at any depth. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    names.push(name);
    if (isDirectory) names.push(...(await namesIn(join(folder, name))).map((inner) => `${name}/${inner}`));
  }
  return names.sort();
}

Deno.test("bench: without a model it measures a generated one, and leaves nothing", () =>
  inFolder(async (folder) => {
    const args = ["bench", "--seconds", "0.5", "--workers", "1", "--json", "--connections", "16"];
    const { code, stdout, stderr } = await run(args, { cwd: folder, env: { TMPDIR: folder } });
    assert.equal(code, 0, stderr);
    const { predict, batch, ...found } = report.parse(JSON.parse(stdout));
    assert.equal(found.generated, true);
    assert.equal(found.workers, 1);
    assert.deepEqual([predict.rows_per_request, batch.rows_per_request], [1, 1_000]);
    assert.deepEqual([predict.connections, batch.connections], [16, 8]);
    for (
      const { requests, requests_per_second, rows_per_second, rows_per_request, p50_ms, p99_ms } of [
        predict,
        batch,
      ]
    ) {
      assert.equal(requests_per_second, requests / 0.5);
      assert.equal(rows_per_second, requests_per_second * rows_per_request);
      assert.ok(p50_ms <= p99_ms && p99_ms <= 1_500, `${p50_ms} ms, ${p99_ms} ms`);
    }
    assert.match(stderr, /^No model is in production: training one on 5,000 generated offers$/m);
    assert.match(
      stderr,
      /^\/predict +[\d,.]+ requests\/s; half of the answers within [\d.]+ ms, 99 % within/m,
    );
    assert.match(stderr, /^\/predict\/batch +[\d,.]+ requests\/s of 1,000 rows, [\d,]+ rows\/s; half/m);
    for (const line of found.expect) assert.ok(stderr.includes(`${line}\n`), line);
    assert.deepEqual(await namesIn(folder), []);
  }));

Deno.test("bench: measures the model in production, and changes none of its files", async () => {
  const { dataDir, modelsDir, first, remove } = makeServedModels();
  try {
    const folders = ["--data", dataDir, "--models", modelsDir];
    const before = [await namesIn(dataDir), await namesIn(modelsDir)];
    const { code, stdout, stderr } = await run(["bench", "--seconds", "0.5", "--json", ...folders]);
    assert.equal(code, 0, stderr);
    const { model_id, generated } = report.parse(JSON.parse(stdout));
    assert.deepEqual({ model_id, generated }, { model_id: first.id, generated: false });
    assert.deepEqual([await namesIn(dataDir), await namesIn(modelsDir)], before);
    await Deno.remove(join(modelsDir, first.id, "weights.bin"));
    const broken = await run(["bench", "--json", ...folders]);
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, new RegExp(first.id));
    assert.doesNotMatch(broken.stderr, /\bat .*\.ts:/);
  } finally {
    remove();
  }
});

for (
  const [during, line, seconds] of [
    ["training", "No model is in production", "60"],
    ["the second measurement", "/predict ", "4"],
  ] as const
) {
  Deno.test(`bench: Ctrl-C during ${during} ends it within seconds, and leaves nothing`, () =>
    inFolder(async (folder) => {
      const args = ["bench", "--seconds", seconds, "--workers", "1", "--quiet"];
      const child = spawn(args, { cwd: folder, env: { TMPDIR: folder } });
      let text = "";
      let sent = 0;
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += part;
        if (sent > 0 || !text.split("\n").some((said) => said.startsWith(line))) continue;
        sent = performance.now();
        child.kill("SIGINT");
      }
      const { code } = await child.status;
      await child.stdout.cancel();
      assert.equal(code, 130, text);
      assert.match(text, /clickwell: Interrupted/);
      assert.ok(performance.now() - sent < 15_000, "it waits for no measurement");
      assert.deepEqual(await namesIn(folder), []);
    }));
}

Deno.test("bench: rejects what it cannot measure by", async () => {
  for (
    const args of [["--seconds", "0"], ["--seconds", "3600"], ["--workers", "0"], ["--connections", "0"], [
      "x",
    ]]
  ) {
    const { code, stderr } = await run(["bench", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
  }
});

Deno.test("bench: a temporary folder that cannot be made is named", () =>
  inFolder(async (folder) => {
    const missing = join(folder, "missing");
    const { code, stderr } = await run(["bench"], { cwd: folder, env: { TMPDIR: missing } });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^clickwell: Cannot make a temporary folder: .*Set TMPDIR/m);
    assert.deepEqual(await namesIn(folder), []);
  }));

Deno.test("bench: the end of a response is found, whatever part of it has arrived", () => {
  const encoder = new TextEncoder();
  const responses = {
    "with a length": 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nvary: a\r\n\r\n{"a":"\\r\\n"}',
    "in chunks": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n0]\r\n0\r\n\r\n",
    "empty, in chunks": "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  for (const [name, text] of Object.entries(responses)) {
    const bytes = encoder.encode(text);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(responseEnd(bytes, length), undefined, name);
    }
    const status = Number(text.slice(9, 12));
    assert.deepEqual(responseEnd(bytes, bytes.length), { status, bytes: bytes.length }, name);
  }
});

Deno.test("bench: percentiles are the nearest rank", () => {
  const sorted = Float32Array.from({ length: 200 }, (_, i) => i + 1);
  assert.deepEqual([0.5, 0.99, 1].map((share) => percentile(sorted, share)), [100, 198, 200]);
  assert.equal(percentile(Float32Array.of(3), 0.99), 3);
});

Deno.test("bench: says what to expect of the machine", () => {
  const base = { requests: 9, connections: 8, p50Ms: 1, p99Ms: 2 };
  const predict: Speed = {
    ...base,
    path: "/predict",
    rowsPerRequest: 1,
    requestsPerSecond: 40_000,
    rowsPerSecond: 40_000,
  };
  const batch: Speed = {
    ...base,
    path: "/predict/batch",
    rowsPerRequest: 1_000,
    requestsPerSecond: 600,
    rowsPerSecond: 6e5,
  };
  const halves = expectations(predict, batch, { workers: 2, loadThreads: 2, cores: 4 }).join("\n");
  assert.match(halves, /With 2 threads, this machine answers at most about 40,000 requests\/s/);
  assert.match(halves, /Plan for half of it, 20,000 requests\/s/);
  assert.match(halves, /15 times faster in \/predict\/batch/);
  assert.match(halves, /on all 4, with clients on other machines, expect about 80,000 requests\/s/);
  const single = expectations(predict, batch, { workers: 1, loadThreads: 1, cores: 1 }).join("\n");
  assert.match(single, /With one thread/);
  assert.match(single, /The load took part of the 1 core: from another machine, expect more/);
});

Deno.test("bench: a slow answer counts also for the requests that it delayed, as in wrk", () => {
  const span = { connections: 1, durationMs: 100 };
  const even = new Float32Array(10).fill(10);
  assert.deepEqual(withOmittedRequests(even, span), even);
  // Ten answers in 100 ms: one every 10 ms would have been asked for.
  const paused = Float32Array.of(5, 5, 5, 5, 5, 5, 5, 5, 15, 45);
  assert.deepEqual([...withOmittedRequests(paused, span)], [...paused, 35, 25, 15]);
  const few = Float32Array.of(90);
  assert.deepEqual(withOmittedRequests(few, { connections: 2, durationMs: 100 }), few);
});
