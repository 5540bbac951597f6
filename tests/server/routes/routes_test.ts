import assert from "node:assert/strict";
import { createLog } from "../../../server/runtime/log.ts";
import { problemForms, problemType } from "../../../server/http/problem.ts";
import { allowOf } from "../../../server/http/route.ts";
import { createService, type Service } from "../../../server/service/service.ts";

const token = "t0ken";

function serviceTest(
  name: string,
  options: { guarded: boolean },
  test: (service: Service) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const service = emptyService(options.guarded);
    await test(service);
    service.rejectionLog.flush();
  });
}

function emptyService(guarded: boolean): Service {
  return createService({
    dataDir: "nowhere",
    modelsDir: "nowhere",
    token: guarded ? token : undefined,
    insecure: false,
    log: createLog({ format: "text", level: "error", write: () => {} }),
  });
}

async function ask({ handler }: Service, method: string, path: string, headers: Record<string, string> = {}) {
  const host = "127.0.0.1:7999";
  const request = new Request(`http://${host}${path}`, { method, headers: { host, ...headers } });
  const response = await handler(request, {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
  });
  await response.body?.cancel();
  return response;
}

/** Returns a path of the table with values for its parameters; a verb is kept. */
function exampleOf(path: string): string {
  return path.replaceAll(/(?<=\/):\w+/g, "1");
}

serviceTest(
  "routes: writes require the token, all others do not",
  { guarded: true },
  async (service) => {
    const writes = service.routes.filter(({ write }) => write);
    assert.ok(writes.length > 0);
    for (const { method, path, write } of service.routes) {
      const { status } = await ask(service, method, exampleOf(path));
      assert.equal(status === 401, write === true, `${method} ${path} answered ${status} without the token`);
      const known = await ask(service, method, exampleOf(path), {
        authorization: `Bearer ${token}`,
      });
      assert.notEqual(known.status, 401, `${method} ${path} with the token`);
    }
  },
);

Deno.test("routes: every route other than GET is a write, or known not to be", () => {
  const harmless = [
    ...["POST /predict", "POST /predict/batch", "POST /predict/what-if", "POST /rank"],
    "POST /v2/repository/index",
  ];
  const service = emptyService(false);
  // Routes on the fast path predict.
  const open = service.routes.filter(({ method, write, fastPath: short }) =>
    method !== "GET" && !write && !short
  );
  assert.deepEqual(open.map(({ method, path }) => `${method} ${path}`), harmless);
});

serviceTest(
  "routes: a path answers the methods in Allow, and rejects all others with it",
  { guarded: false },
  async (service) => {
    const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for (const path of new Set(service.routes.map((route) => route.path))) {
      const allow = allowOf(service.routes, path);
      for (const method of methods) {
        const response = await ask(service, method, exampleOf(path));
        const allowed = allow.split(", ").includes(method);
        assert.equal(response.status !== 405, allowed, `${method} ${path} answered ${response.status}`);
        if (!allowed) assert.equal(response.headers.get("allow"), allow);
      }
    }
  },
);

serviceTest("routes: every response has the security headers and a request id", {
  guarded: false,
}, async (service) => {
  for (const path of ["/livez", "/readyz", "/nowhere", "//"]) {
    const { headers } = await ask(service, "GET", path, { "x-request-id": "mine-1" });
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    assert.equal(headers.get("access-control-allow-origin"), null);
    assert.equal(headers.get("x-request-id"), "mine-1");
  }
});

serviceTest(
  "routes: a request id that is not a plain word is not echoed",
  { guarded: false },
  async (service) => {
    const { headers } = await ask(service, "GET", "/livez", { "x-request-id": "<script>" });
    assert.match(headers.get("x-request-id") ?? "", /^[\w-]{8}\.0$/);
  },
);

Deno.test("docs/problems.md lists every problem that a client can receive, with status and title", () => {
  const text = Deno.readTextFileSync(new URL("../../../docs/problems.md", import.meta.url));
  const sections = text.split(/^## /m).slice(1);
  const documented = new Map(sections.map((section) => [section.split("\n")[0], section]));
  for (const [kind, { status, title }] of Object.entries(problemForms)) {
    if (status === 500) continue;
    const section = documented.get(kind);
    assert.ok(section, `docs/problems.md has no section ${kind}`);
    assert.ok(section.includes(`${status} ${title}`), `${kind}: expected "${status} ${title}"`);
    documented.delete(kind);
  }
  assert.deepEqual([...documented.keys()], []);
  assert.ok(text.includes(problemType("input-invalid")));
});
