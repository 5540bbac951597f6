import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import {
  createBufferedBytesReader,
  createBufferedTextReader,
  createHeaderReader,
} from "../../../server/http/buffered_body.ts";
import { connectRaw } from "../../support/raw_connection.ts";

/** True if buffered bodies are supported on this version of the runtime. */
const isOfLine = Deno.version.deno.startsWith("2.9.");

const decoder = new TextDecoder();
const takers = {
  text: createBufferedTextReader(),
  bytes(request: Request, bytesMax: number) {
    const bytes = createBufferedBytesReader()(request, bytesMax);
    return bytes && decoder.decode(bytes);
  },
};

/** Sends a request in parts to a new server. @returns The lengths of the buffered bodies; null if the body was not buffered. */
async function takenFrom(
  take: (typeof takers)[keyof typeof takers],
  requests: readonly (readonly string[])[],
  bytesMax = 1000,
): Promise<unknown[]> {
  const taken: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    try {
      const text = take(request, bytesMax);
      taken.push(text?.length ?? null);
      assert.equal(request.bodyUsed, text !== undefined);
      return new Response(`read ${text ?? await request.text()}.`);
    } catch (error) {
      taken.push(error instanceof Failure ? error.kind : error);
      return new Response("refused .");
    }
  });
  try {
    for (const pieces of requests) {
      const connection = await connectRaw(server.addr.port);
      for (const piece of pieces) {
        await connection.send(piece);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const body = pieces.join("").split("\r\n\r\n")[1];
      const answer = await connection.receive(/\.$/);
      if (!answer.includes("refused")) assert.ok(answer.includes(`read ${body}.`), answer);
      connection.close();
    }
  } finally {
    await server.shutdown();
  }
  return taken;
}

function head(length: number): string {
  return `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n\r\n`;
}

for (const [kind, take] of Object.entries(takers)) {
  Deno.test(`buffered body as ${kind}: a body that arrives with its headers is read synchronously on supported versions`, async () => {
    const taken = await takenFrom(take, [[head(11) + '{"apr":1.5}'], [head(0)]]);
    assert.deepEqual(taken, isOfLine ? [11, 0] : [null, null]);
  });

  Deno.test(`buffered body as ${kind}: a body that is still arriving is left to be read as a stream`, async () => {
    assert.deepEqual(
      await takenFrom(take, [[head(11) + '{"apr"', ":1.5}"], [head(3), "abc"]]),
      [null, null],
    );
  });

  Deno.test(`buffered body as ${kind}: a body beyond the maximum is rejected`, async () => {
    const taken = await takenFrom(take, [[head(51) + "a".repeat(51)], [head(50) + "a".repeat(50)]], 50);
    assert.deepEqual(taken, isOfLine ? ["body-oversized", 50] : [null, null]);
  });
}

Deno.test("buffered body: other versions, and requests without a connection, have none", async () => {
  const request = () => new Request("http://127.0.0.1/", { method: "POST", body: "{}" });
  for (const runtime of ["2.7.11", "2.8.2", "2.10.0", "3.0.0", Deno.version.deno]) {
    const untouched = request();
    assert.equal(createBufferedTextReader(runtime)(untouched, 10), undefined);
    assert.equal(createBufferedBytesReader(runtime)(untouched, 10), undefined);
    assert.equal(await untouched.text(), "{}");
  }
});

Deno.test("buffered body: a single header is read with the value of Request.headers, on every version", async () => {
  const asked = ["content-type", "content-encoding", "x-twice", "x-none"];
  for (const runtime of [Deno.version.deno, "2.7.11"]) {
    const readHeader = createHeaderReader(runtime);
    const found: (readonly [string | null, string | null])[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      for (const name of asked) found.push([readHeader(request, name), request.headers.get(name)]);
      return new Response();
    });
    const connection = await connectRaw(server.addr.port);
    await connection.send(
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv; charset=utf-8\r\nX-Twice: 1\r\n\r\n",
    );
    await connection.receive(/200/);
    connection.close();
    await server.shutdown();
    const expected = ["text/csv; charset=utf-8", null, "1", null];
    assert.deepEqual(found, expected.map((value) => [value, value]));
    const fromNowhere = new Request("http://127.0.0.1/", { headers: { "x-a": "b" } });
    assert.equal(readHeader(fromNowhere, "x-a"), "b");
  }
});
