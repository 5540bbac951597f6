import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { byColumn } from "../../../pipeline/engine/trino_connection.ts";
import { openTrino } from "../../../pipeline/engine/trino_engine.ts";

interface Asked {
  readonly statement: string;
  readonly isCompressed: boolean;
}

/** A coordinator that answers every statement with one row. @param version undefined: one that does not say it. */
function answers(version: string | undefined, row: readonly unknown[]) {
  const asked: Asked[] = [];
  const answer = (
    path: string,
    body: string,
    prepared: string | null,
    origin: string,
  ): object | undefined => {
    if (path === "/v1/info") return version === undefined ? undefined : { nodeVersion: { version } };
    if (path === "/v1/statement") {
      const [, text] = /^clickwell=(.*)$/.exec(prepared ?? "") ?? [];
      const frame = decodeURIComponent(text ?? "").replace(/^\$zstd:/, "");
      asked.push(
        text === undefined ? { statement: body, isCompressed: false } : {
          statement: zlib.zstdDecompressSync(Buffer.from(frame, "base64url")).toString(),
          isCompressed: true,
        },
      );
      if (text !== undefined) assert.equal(body, "EXECUTE clickwell");
      return { nextUri: `${origin}/v1/statement/executing/1` };
    }
    return { data: [row] };
  };
  return { asked, answer };
}

const long = `SELECT ${Array.from({ length: 100 }, (_, i) => `${i} AS c${i}`).join(", ")}`;
const options = { catalog: "c", schema: "s", user: "u", statementSeconds: 10 };

async function askBoth(origin: string): Promise<unknown[]> {
  const engine = openTrino({ origin, ...options });
  try {
    return [await engine.query("SELECT 1"), await engine.query(long)];
  } finally {
    await engine.close();
  }
}

for (
  const [version, isCompressed] of [["476", true], ["423-e.1", true], ["371", false], [
    undefined,
    false,
  ]] as const
) {
  Deno.test(`Trino: a long statement is ${isCompressed ? "" : "not "}compressed for version ${version}`, async () => {
    const { asked, answer } = answers(version, [1]);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname, origin } = new URL(request.url);
      const found = answer(
        pathname,
        await request.text(),
        request.headers.get("x-trino-prepared-statement"),
        origin,
      );
      return found ? Response.json(found) : new Response("", { status: 404 });
    });
    try {
      assert.deepEqual(await askBoth(`http://127.0.0.1:${server.addr.port}`), [[[1]], [[1]]]);
      assert.deepEqual(asked, [
        { statement: "SELECT 1", isCompressed: false },
        { statement: long, isCompressed },
      ]);
    } finally {
      await server.shutdown();
    }
  });
}

/** Forwards connections to a server, but those that begin with HTTP/2. */
function startGate(target: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opened: Promise<unknown>[] = [];
  const open = async (own: Deno.Conn) => {
    const first = new Uint8Array(65_536);
    const count = await own.read(first) ?? 0;
    if (new TextDecoder().decode(first.subarray(0, 3)) === "PRI") return own.close();
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
    await server.write(first.subarray(0, count));
    await Promise.allSettled([own.readable.pipeTo(server.writable), server.readable.pipeTo(own.writable)]);
  };
  const serving = (async () => {
    for await (const own of listener) opened.push(open(own));
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      await Promise.allSettled(opened);
    },
  };
}

Deno.test("Trino: a server, or a proxy before it, that speaks HTTP/1.1 alone is asked by that", async () => {
  const { asked, answer } = answers("476", [1]);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, origin } = new URL(request.url);
    const prepared = request.headers.get("x-trino-prepared-statement");
    const found = answer(pathname, await request.text(), prepared, origin);
    // So that no connection is kept.
    return Response.json(found, { headers: { connection: "close" } });
  });
  {
    await using gate = startGate(server.addr.port);
    assert.deepEqual(await askBoth(`http://127.0.0.1:${gate.port}`), [[[1]], [[1]]]);
    assert.equal(asked.length, 2);
  }
  await server.shutdown();
});

Deno.test("Trino: where headers may not be that long, statements go in the body", async () => {
  for (const status of [400, 431]) {
    const { asked, answer } = answers("476", [1]);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname, origin } = new URL(request.url);
      if (request.headers.has("x-trino-prepared-statement")) return new Response("too long", { status });
      const found = answer(pathname, await request.text(), null, origin);
      return found ? Response.json(found) : new Response("", { status: 404 });
    });
    try {
      assert.deepEqual(await askBoth(`http://127.0.0.1:${server.addr.port}`), [[[1]], [[1]]]);
      assert.deepEqual(asked[1], { statement: long, isCompressed: false });
    } finally {
      await server.shutdown();
    }
  }
});

Deno.test("Trino: few rows come by column", async () => {
  for (
    const [row, rows] of [
      [[[1, 2, 3], ["a", null, "b"]], [[1, "a"], [2, null], [3, "b"]]],
      [[null, null], []],
    ] as const
  ) {
    const { asked, answer } = answers(undefined, row);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname, origin } = new URL(request.url);
      const found = answer(pathname, await request.text(), null, origin);
      return found ? Response.json(found) : new Response("", { status: 404 });
    });
    const engine = openTrino({ origin: `http://127.0.0.1:${server.addr.port}`, ...options });
    try {
      assert.deepEqual(await engine.query("SELECT x, y FROM t", 2), rows);
      assert.equal(asked[0].statement, byColumn("SELECT x, y FROM t", 2));
    } finally {
      await engine.close();
      await server.shutdown();
    }
  }
});

Deno.test("Trino: after the signal, a statement goes over a connection of its own", async () => {
  const { asked, answer } = answers("476", [1]);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, origin } = new URL(request.url);
    return Response.json(answer(pathname, await request.text(), null, origin));
  });
  const controller = new AbortController();
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const engine = openTrino({ origin, ...options, signal: controller.signal });
  try {
    await engine.query("SELECT 1");
    controller.abort(new Error("stopped"));
    await assert.rejects(engine.query("SELECT 2"), { message: "stopped" });
    await engine.afterSignal?.("DROP TABLE IF EXISTS t");
    assert.deepEqual(asked.map(({ statement }) => statement), ["SELECT 1", "DROP TABLE IF EXISTS t"]);
  } finally {
    await engine.close();
    await server.shutdown();
  }
});
