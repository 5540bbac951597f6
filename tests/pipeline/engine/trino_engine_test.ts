import assert from "node:assert/strict";
import type { SqlRows } from "../../../pipeline/engine/sql_engine.ts";
import { openTrino } from "../../../pipeline/engine/trino_engine.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { freePort } from "../../support/free_port.ts";

type Handler = (request: Request, origin: string) => Response | Promise<Response>;

/** Runs a server that answers as Trino's coordinator does. */
async function withServer(handler: Handler, use: (origin: string) => Promise<void>): Promise<void> {
  let origin = "";
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) =>
      new URL(request.url).pathname === "/v1/info"
        ? new Response("", { status: 404 })
        : handler(request, origin),
  );
  origin = `http://127.0.0.1:${server.addr.port}`;
  try {
    await use(origin);
  } finally {
    await server.shutdown();
  }
}

async function ask(origin: string, statement: string, signal?: AbortSignal): Promise<SqlRows> {
  const settings = { catalog: "hive", schema: "lake", user: "ann", statementSeconds: 5, signal };
  const engine = openTrino({ origin, ...settings });
  try {
    return await engine.query(statement);
  } finally {
    await engine.close();
  }
}

Deno.test("Trino: pages are followed on the named server, whatever name the server has for itself", async () => {
  const seen: string[] = [];
  await withServer(async (request) => {
    const { pathname } = new URL(request.url);
    seen.push(
      `${request.method} ${pathname} ${request.headers.get("x-trino-user")} ${
        request.headers.get("x-trino-catalog")
      }`,
    );
    if (pathname === "/v1/statement") {
      assert.equal(await request.text(), "SELECT 1");
      return Response.json({ nextUri: "http://coordinator.internal:8080/v1/statement/executing/1" });
    }
    return pathname.endsWith("/1")
      ? Response.json({ data: [[1]], nextUri: "http://coordinator.internal:8080/v1/statement/executing/2" })
      : Response.json({ data: [["9007199254740993"]] });
  }, async (origin) => {
    assert.deepEqual(await ask(origin, "SELECT 1"), [[1], ["9007199254740993"]]);
  });
  assert.deepEqual(seen, [
    "POST /v1/statement ann hive",
    "GET /v1/statement/executing/1 ann null",
    "GET /v1/statement/executing/2 ann null",
  ]);
});

Deno.test("Trino: a busy server is asked again; an error is told with the beginning of the statement", async () => {
  let tries = 0;
  await withServer(
    () =>
      ++tries < 3
        ? new Response("busy", { status: 503 })
        : Response.json({ error: { errorName: "TABLE_NOT_FOUND", message: "no such table" } }),
    async (origin) => {
      await assert.rejects(ask(origin, `SELECT ${"x, ".repeat(200)}y FROM t`), (error) => {
        assert.ok(error instanceof Failure);
        assert.equal(error.kind, "engine-failed");
        assert.match(error.message, /TABLE_NOT_FOUND: no such table.*begins with: SELECT x, x, .* …/);
        assert.ok(error.message.length < 600);
        return true;
      });
    },
  );
  assert.equal(tries, 3);
});

Deno.test("Trino: Ctrl-C stops the statement on the server", async () => {
  const controller = new AbortController();
  const deleted: string[] = [];
  await withServer(async (request, origin) => {
    const { pathname } = new URL(request.url);
    if (request.method === "DELETE") {
      deleted.push(pathname);
      return new Response(null, { status: 204 });
    }
    if (pathname === "/v1/statement") {
      return Response.json({ nextUri: `${origin}/v1/statement/executing/q1` });
    }
    controller.abort(new Failure("interrupted", "interrupted"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    return Response.json({ nextUri: request.url });
  }, async (origin) => {
    await assert.rejects(ask(origin, "SELECT 1", controller.signal), { kind: "interrupted" });
  });
  assert.deepEqual(deleted, ["/v1/statement/executing/q1"]);
});

Deno.test("Trino: a server that is not there, or is another one, is named", async () => {
  await assert.rejects(ask("http://127.0.0.1:9", "SELECT 1"), {
    kind: "engine-failed",
    message: /^Trino at http:\/\/127\.0\.0\.1:9 did not answer/,
  });
  await assert.rejects(ask(`http://127.0.0.1:${freePort()}`, "SELECT 1"), {
    message: /nothing listens there/,
  });
  await assert.rejects(ask("http://nowhere.invalid:8080", "SELECT 1"), {
    message: /the host's name is unknown/,
  });
  await withServer(() => new Response("<html>no</html>", { status: 404 }), async (origin) => {
    await assert.rejects(ask(origin, "SELECT 1"), {
      kind: "engine-failed",
      message: /status 404: <html>no/,
    });
  });
});
