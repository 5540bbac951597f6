import assert from "node:assert/strict";
import { type RunningServer, runServer } from "../../support/running_server.ts";
import { streamBytesMax } from "../../../server/scoring/batch_stream.ts";
import { startServe } from "../../support/serve_process.ts";
import { makeServedModels, probabilityOf, row } from "../../support/served_models.ts";

const lines = { "content-type": "application/x-ndjson" };

function streamTest(name: string, run: (running: RunningServer) => Promise<void>): void {
  Deno.test(`POST /predict/batch, newline-delimited: ${name}`, async () => {
    await using running = await runServer({ drainTimeoutMs: 500 });
    await run(running);
  });
}

async function post({ server }: RunningServer, body: string, query = ""): Promise<Response> {
  return await fetch(`${server.origin}/predict/batch${query}`, { method: "POST", headers: lines, body });
}

async function answers(response: Response): Promise<Record<string, unknown>[]> {
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/x-ndjson"]);
  return (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
}

streamTest("each line is answered in its place, a bad one by its problem", async (running) => {
  const { first } = running.models;
  const other = { ...row, lender_id: 99 };
  const body = [
    JSON.stringify(row),
    '{"apr":',
    JSON.stringify({ ...row, apr: null }),
    "",
    JSON.stringify(other),
  ];
  const response = await post(running, body.join("\n"));
  assert.equal(response.headers.get("x-model-id"), first.id);
  assert.equal(response.headers.get("x-model-version"), "1");
  const [known, malformed, bad, unseen] = await answers(response);
  assert.deepEqual(known, { probability: probabilityOf(first) });
  assert.deepEqual(
    [malformed, bad].map(({ index, error }) => [index, (error as Record<string, unknown>).type]),
    [[1, "urn:clickwell:problem:body-malformed"], [2, "urn:clickwell:problem:input-invalid"]],
  );
  assert.deepEqual((bad.error as Record<string, unknown>).errors, [
    { pointer: "#/apr", detail: "must be a number, not null" },
  ]);
  assert.deepEqual(unseen, { probability: probabilityOf(first, other), unseen: ["lender_id"] });
});

streamTest("lines that are rows only together, or several rows, are none", async (running) => {
  const whole = JSON.stringify(row);
  const types = async (lines: readonly string[]) =>
    (await answers(await post(running, `${lines.join("\n")}\n`))).map(({ error, probability }) =>
      probability ?? (error as Record<string, unknown>).type
    );
  const malformed = "urn:clickwell:problem:body-malformed";
  const probability = probabilityOf(running.models.first);
  assert.deepEqual(await types([`${whole},${whole}`, '{"a":[{}', "{}]}"]), [malformed, malformed, malformed]);
  assert.deepEqual(await types([`${whole},${whole}`, '{"a":', whole]), [malformed, malformed, probability]);
  assert.deepEqual(await types([`${whole},${whole}`, "", whole]), [malformed, probability]);
  assert.deepEqual(await types([whole.slice(0, -1), "}", whole]), [malformed, malformed, probability]);
  assert.deepEqual(await types([whole, ` ${whole}`, whole]), [probability, probability, probability]);
});

streamTest("a strict stream ends with the first bad line", async (running) => {
  const body = [JSON.stringify(row), "5", JSON.stringify(row)].join("\n");
  const found = await answers(await post(running, body, "?strict=true"));
  assert.deepEqual(found.map(({ index }) => index), [undefined, 1]);
});

streamTest("rows may be of the store, and are explained where that is asked for", async (running) => {
  const found = await answers(
    await post(running, '{"offer_id":1}\n{"offer_id":77}\n', "?explain=true&interval=0.5"),
  );
  assert.equal(found[0].probability, probabilityOf(running.models.first));
  assert.deepEqual(Object.keys(found[0]), ["probability", "interval", "explanation"]);
  assert.equal((found[1].error as Record<string, unknown>).type, "urn:clickwell:problem:row-unknown");
});

streamTest("a stream that asks a store that is not there ends with that", async (running) => {
  Deno.removeSync(running.models.dataDir, { recursive: true });
  const body = [JSON.stringify(row), '{"offer_id":1}', JSON.stringify(row)].join("\n");
  const found = await answers(await post(running, body));
  assert.equal(found.length, 2);
  assert.equal((found[1].error as Record<string, unknown>).type, "urn:clickwell:problem:store-missing");
});

streamTest("no lines have no answers", async (running) => {
  assert.equal(await (await post(running, "")).text(), "");
});

const encoder = new TextEncoder();

/** Starts a stream of lines with one line. @returns The writer of further lines, and the response, which has begun. */
async function openStream({ server }: RunningServer, line: string) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const asked = fetch(`${server.origin}/predict/batch`, { method: "POST", headers: lines, body: readable });
  await writer.write(encoder.encode(line));
  return { writer, response: await asked };
}

streamTest(
  "all lines are answered by one model, also if the active model changes",
  async (running) => {
    const { first, second } = running.models;
    const line = `${JSON.stringify(row)}\n`;
    const { writer, response } = await openStream(running, line);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const before = await reader.read();
    assert.equal((await running.ask("/model", { model_id: second.id })).status, 200);
    await writer.write(encoder.encode(line));
    const after = await reader.read();
    await writer.close();
    assert.equal((await reader.read()).done, true);
    for (const { value = "" } of [before, after]) {
      assert.equal(JSON.parse(value).probability, probabilityOf(first));
    }
    assert.equal(response.headers.get("x-model-id"), first.id);
  },
);

streamTest("a server that drains answers a stream to its end", async (running) => {
  const line = `${JSON.stringify(row)}\n`;
  const { writer, response } = await openStream(running, line);
  const stopped = running.server.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await writer.write(encoder.encode(line));
  await writer.close();
  assert.equal((await response.text()).trimEnd().split("\n").length, 2);
  await stopped;
});

streamTest("a client that hangs up in the middle is no bug, and not waited for", async (running) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: running.server.port });
  const line = `${JSON.stringify(row)}\n`;
  const head = "POST /predict/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n";
  const chunk = `${line.length.toString(16)}\r\n${line}\r\n`;
  await connection.write(new TextEncoder().encode(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`));
  await connection.read(new Uint8Array(4096));
  connection.close();
  const before = performance.now();
  await running.server.stop();
  assert.ok(performance.now() - before < 450, "the drain does not wait for its time to be over");
  assert.deepEqual(running.log.filter((entry) => entry.includes('"bug"')), []);
});

const linesPerChunk = 400;

/** Sends the lines repeatedly, as fast as they are read. With explanations, the answers exceed the buffers of the kernel. */
async function sendLines(
  connection: Deno.Conn,
  { chunks, progress }: { chunks: number; progress: { sent: number } },
): Promise<void> {
  const encoder = new TextEncoder();
  const text = `${JSON.stringify(row)}\n`.repeat(linesPerChunk);
  const chunk = encoder.encode(`${text.length.toString(16)}\r\n${text}\r\n`);
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  const head =
    "POST /predict/batch?explain=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n";
  await write(encoder.encode(`${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`));
  for (; progress.sent < chunks; progress.sent++) await write(chunk);
  await write(encoder.encode("0\r\n\r\n"));
}

/** Resident memory of a process in MiB; undefined if the system does not report it. */
function residentMiB(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}

Deno.test("POST /predict/batch, newline-delimited: a slow reader slows down the sender, and memory does not grow", async () => {
  const models = makeServedModels();
  // A separate process, so that the memory of other tests does not count.
  await using server = await startServe([
    "--data",
    models.dataDir,
    "--models",
    models.modelsDir,
    "--workers",
    "1",
  ]);
  const chunks = streamBytesMax === Infinity ? 3_000 : 1_000;
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const connection = await connect();
  try {
    // The memory of a server that has answered such a body before: a new one grows with its first.
    {
      using first = await connect();
      const [count] = await Promise.all([
        countObjects(first),
        sendLines(first, { chunks: 200, progress: { sent: 0 } }),
      ]);
      assert.equal(count, objectsOf(200), "every line was answered");
    }
    const progress = { sent: 0 };
    const memory = residentMiB(server.pid);
    const sending = sendLines(connection, { chunks, progress });
    // A failure of the test closes the connection, which is not a second failure.
    sending.catch(() => {});
    // Without a reader, only the buffers of the kernel are filled.
    let stalledAt = -1;
    for (let looks = 0; looks < 20 && progress.sent !== stalledAt; looks++) {
      stalledAt = progress.sent;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.equal(progress.sent, stalledAt, "nothing more is taken");
    assert.ok(stalledAt < chunks / 2, `${stalledAt} of ${chunks} chunks were taken`);

    const count = await countObjects(connection);
    await sending;
    assert.equal(count, objectsOf(chunks), "every line was answered");
    const after = residentMiB(server.pid);
    if (memory !== undefined && after !== undefined) {
      const grown = after - memory;
      assert.ok(
        grown < 64,
        `${megabytesOf(chunks)} MB were answered, and memory grew by ${grown.toFixed(0)} MiB`,
      );
    }
  } finally {
    connection.close();
    models.remove();
  }
});

/** Of each line an answer, its explanation, and the contributions in it. */
function objectsOf(chunks: number): number {
  return 3 * linesPerChunk * chunks;
}

/** Reads to the end. */
async function countObjects(connection: Deno.Conn): Promise<number> {
  let count = 0;
  const buffer = new Uint8Array(65_536);
  for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
    for (let i = 0; i < length; i++) if (buffer[i] === 0x7b) count++;
  }
  return count;
}

function megabytesOf(chunks: number): number {
  return chunks * linesPerChunk * (JSON.stringify(row).length + 1) / 1e6;
}
