import assert from "node:assert/strict";
import { join } from "node:path";
import { formatReport } from "../../../pipeline/report/report_file.ts";
import { createService, type Service } from "../../../server/service/service.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { send } from "../../scenarios/scenario.ts";
import { makeServedModels, type ServedModels } from "../../support/served_models.ts";
import { storedReport } from "../../support/stored_report.ts";

async function withService(
  test: (made: ServedModels & { service: Service }) => Promise<void>,
): Promise<void> {
  const models = makeServedModels();
  const service = createService({
    ...models,
    token: "a token",
    insecure: false,
    log: createLog({ format: "json", level: "error", write: () => {} }),
  });
  try {
    await service.production.sync();
    await test({ ...models, service });
  } finally {
    service.close();
    await service.registry.close();
    models.remove();
  }
}

function writeReport({ modelsDir }: ServedModels, modelId: string): string {
  const path = join(modelsDir, modelId, "report.json");
  Deno.writeFileSync(path, formatReport(storedReport(modelId)));
  return path;
}

Deno.test("GET /models/{id}/report: a page under a policy that allows its own styles and no script, by id, version or alias", () =>
  withService(async (made) => {
    const { service, first } = made;
    writeReport(made, first.id);
    await service.registry.setAlias({ model: "1", alias: "champion", setAt: 0, setBy: "test" });
    const pages = [];
    for (const name of [first.id, "1", "champion"]) {
      const response = await send(service, { path: `/models/${name}/report` });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(
        policy,
        /^default-src 'none'; style-src 'sha256-[\w+/=]+'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'$/,
      );
      pages.push(await response.text());
    }
    assert.match(pages[0], new RegExp(`<title>[^<]*${first.id}</title>`));
    assert.doesNotMatch(pages[0], /<script| style="| on\w+="/);
    assert.deepEqual(new Set(pages).size, 1);
    const head = await send(service, { method: "HEAD", path: "/models/1/report" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  }));

Deno.test("GET /models/{id}/report: a model without one answers 404, and the problem says how to make one", () =>
  withService(async ({ service, second }) => {
    const response = await send(service, { path: "/models/2/report" });
    assert.equal(response.status, 404);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const { title, detail } = await response.json();
    assert.equal(title, "The model has no report");
    assert.match(detail, new RegExp(`clickwell evaluate ${second.id} --report FILE.html`));
  }));

Deno.test("GET /models/{id}/report: a changed report is refused, while predictions go on, and one that is put back is shown", () =>
  withService(async (made) => {
    const { service, first } = made;
    const path = writeReport(made, first.id);
    const show = async () => {
      const response = await send(service, { path: "/models/1/report" });
      const text = await response.text();
      return { status: response.status, text };
    };
    assert.equal((await show()).status, 200);
    const bytes = Deno.readFileSync(path);
    const changed = bytes.slice(0, -10);
    Deno.writeFileSync(path, changed);
    const refused = await show();
    assert.equal(refused.status, 409);
    assert.match(refused.text, /its report.json was changed/);
    const row = first.metadata.golden[0].features;
    const predicted = await send(service, {
      method: "POST",
      path: "/predict",
      body: row,
      headers: { "content-type": "application/json" },
    });
    assert.equal(predicted.status, 200);
    await predicted.body?.cancel();
    Deno.writeFileSync(path, bytes);
    assert.equal((await show()).status, 200);
    Deno.removeSync(path);
    assert.equal((await show()).status, 404);
  }));
