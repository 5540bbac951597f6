import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { jsonResponse } from "../../../server/http/route.ts";
import { compilePattern } from "../../../server/http/route_pattern.ts";
import { createRouter } from "../../../server/http/router.ts";

const cases: readonly [
  path: string,
  matching: readonly [string, Record<string, string>][],
  others: string[],
][] = [
  ["/", [["/", {}]], ["/x"]],
  ["/openapi.json", [["/openapi.json", {}]], ["/openapixjson", "/openapi.json/"]],
  ["/models/:id", [["/models/a.b-1", { id: "a.b-1" }]], [
    "/models",
    "/models/",
    "/models/a/b",
    "/models/a:b",
  ]],
  [
    "/v1/models/:name:predict",
    [["/v1/models/m:predict", { name: "m" }]],
    ["/v1/models/m", "/v1/models/:predict", "/v1/models/m:predict:predict", "/v1/models/m:predicts"],
  ],
  [
    "/v1/models/:name/versions/:version:predict",
    [["/v1/models/m/versions/2:predict", { name: "m", version: "2" }]],
    ["/v1/models/m/versions/2", "/v1/models/m:predict"],
  ],
];

Deno.test("route pattern: the router and the fast path match the same paths and name the same parts", async () => {
  for (const [path, matching, others] of cases) {
    const pattern = compilePattern(path);
    const router = createRouter([{
      method: "POST",
      path,
      summary: "",
      operation: { id: "test", tag: "operation", schemas: () => ({ answer: {} }) },
      handle: ({ parameters }) => jsonResponse(parameters),
    }], (route, context) => route.handle(context));
    const routed = async (path: string): Promise<unknown> => {
      const request = new Request(`http://localhost${path}`, { method: "POST" });
      return await (await router.fetch(request, { requestId: "", client: "" })).json();
    };
    for (const [example, parts] of matching) {
      assert.deepEqual(pattern.match(example), parts, example);
      assert.deepEqual(await routed(example), parts, example);
    }
    for (const other of others) {
      assert.equal(pattern.match(other), undefined, other);
      await assert.rejects(
        routed(other),
        (error) => error instanceof Failure && error.kind === "route-unknown",
      );
    }
  }
});
