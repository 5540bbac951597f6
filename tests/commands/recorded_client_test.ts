import assert from "node:assert/strict";
import { createRecordedClient } from "../../commands/demo/recorded_client.ts";
import { openRecordingProxy, type RecordingProxy } from "../../commands/demo/recording_proxy.ts";

const neverAborted = new AbortController().signal;

/** Runs `body` with a recording proxy before a server that echoes requests. */
async function withTap(
  body: (tap: RecordingProxy, server: Deno.HttpServer<Deno.NetAddr>) => Promise<void>,
): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    const status = new URL(request.url).pathname === "/refuse" ? 422 : 200;
    const echoed = { method: request.method, body: await request.text(), size: 1 };
    return Response.json(echoed, { status, headers: { "x-request-id": "abc" } });
  });
  const tap = openRecordingProxy({ hostname: "127.0.0.1", port: server.addr.port });
  try {
    await body(tap, server);
  } finally {
    tap.close();
    await server.shutdown();
  }
}

Deno.test("recording proxy: records the bytes of both sides, one exchange at a time", () =>
  withTap(async (tap) => {
    const response = await fetch(`${tap.origin}/echo`, { method: "POST", body: "Grüße" });
    assert.deepEqual(await response.json(), { method: "POST", body: "Grüße", size: 1 });
    const { sent, received } = tap.drain();
    assert.match(sent, /^POST \/echo HTTP\/1\.1\r\n/);
    assert.match(sent, /\r\nhost: 127\.0\.0\.1:\d+\r\n/i);
    assert(sent.endsWith("\r\n\r\nGrüße"), sent);
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(received, /\r\nx-request-id: abc\r\n/i);
    assert(received.endsWith('\r\n\r\n{"method":"POST","body":"Grüße","size":1}'), received);
    assert.deepEqual(tap.drain(), { sent: "", received: "" });
  }));

Deno.test("recording proxy: a client of an unreachable server gets a closed connection", () =>
  withTap(async (tap, server) => {
    await server.shutdown();
    await assert.rejects(fetch(`${tap.origin}/echo`));
  }));

Deno.test("recorded client: each request and response is recorded under its number and title, with marked lines", () =>
  withTap(async (tap) => {
    const written: string[] = [];
    const conversation = createRecordedClient(tap, (text) => written.push(text), neverAborted);
    const answer = await conversation.send({
      title: "Say it back",
      method: "POST",
      path: "/echo",
      body: { apr: 11.5 },
      status: 200,
      answer: { method: "POST", size: 1 },
    });
    assert.deepEqual(answer, { method: "POST", body: '{"apr":11.5}', size: 1 });
    assert.equal(conversation.count, 1);
    const [first, , request, , response] = written[0].split("\n\n").flatMap((part) => [part, ""]);
    assert.equal(first, "1. Say it back");
    assert(
      request.startsWith("> POST /echo HTTP/1.1\n> ") && request.endsWith('\n>\n> {"apr":11.5}'),
      request,
    );
    assert(response.startsWith("< HTTP/1.1 200 OK\n< ") && response.endsWith(',"size":1}'), response);
    assert([...request.split("\n")].every((line) => line.startsWith(">")));
  }));

Deno.test("recorded client: an unexpected response is an error that names the request and the response", () =>
  withTap(async (tap) => {
    const conversation = createRecordedClient(tap, () => {}, neverAborted);
    const question = {
      title: "Say it back",
      method: "POST",
      path: "/refuse",
      body: {},
      status: 200,
    } as const;
    await assert.rejects(
      conversation.send(question),
      /"Say it back" was answered with status 422 instead of 200/,
    );
    await assert.rejects(
      conversation.send({ ...question, status: 422, answer: { size: 2 } }),
      /answered with size other than 2/,
    );
    assert.equal((await conversation.send({ ...question, status: 422 })).size, 1);
  }));
