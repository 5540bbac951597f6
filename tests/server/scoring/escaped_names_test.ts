import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { createService } from "../../../server/service/service.ts";
import { specOf } from "../../support/example_rows.ts";
import { trainOn } from "../../support/temp_store.ts";
import { send } from "../../scenarios/scenario.ts";

/** Names that V8's `JSON.parse` mistakes for each other: the first characters of `"a\""`, as it is written, are those of `a\`. */
const names = ["a\\", 'a"'] as const;
const schema = `
CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, who INTEGER NOT NULL, clicked INTEGER NOT NULL, x REAL, "a\\" REAL, "a""" REAL) STRICT;
CREATE VIEW examples AS SELECT * FROM shown;
`;
const rowCount = 200;
const rows = Array.from({ length: rowCount }, (_, k) => ({
  id: k,
  who: k,
  clicked: (k * 7919) % 11 < 2 + (k % 5) ? 1 : 0,
  x: k % 4,
  // Each line has one of the two, after a line with the other.
  ...(k % 2 === 0 ? { "a\\": k % 5 } : { 'a"': 10 + (k % 3) }),
}));

Deno.test("names with escapes: lines and requests have the values of the names that they say", async () => {
  const folder = Deno.makeTempDirSync();
  const [dataDir, modelsDir, path] = ["data", "models", "rows.ndjson"].map((name) => join(folder, name));
  Deno.writeTextFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const store = openStore(dataDir, { mode: "create", schema, freeBytesMin: 0 });
  try {
    await ingest(store, { files: { shown: [path] } });
    const stored = store.db.prepare(`SELECT "a\\" AS first, "a""" AS second FROM shown ORDER BY id`).all();
    assert.deepEqual(
      stored.map(({ first, second }) => [first, second]),
      rows.map((row) => names.map((name) => Object.entries(row).find(([own]) => own === name)?.[1] ?? null)),
    );
    const spec = specOf(["x", ...names].map((name) => ({ name, type: "numeric", nullable: true })));
    const made = { store, dataDir, modelsDir, registry: openRegistry(dataDir) };
    const { artifact } = await trainOn(made, spec, { testShare: 0, C: 1 }, { activate: true });
    const predictor = createPredictor(artifact.metadata);
    const log = createLog({ format: "json", level: "error", write: () => {} });
    const service = createService({ dataDir, modelsDir, token: undefined, insecure: false, log });
    await service.production.sync();
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, service.handler);
    try {
      const url = `http://127.0.0.1:${server.addr.port}/predict`;
      await (await fetch(url, { method: "POST", body: '{"x":1,"a\\\\":2,"a\\"":3}' })).body?.cancel();
      // Its first name was read as `a\\` then, so that no field was missing.
      const answer = await fetch(url, { method: "POST", body: '{"x":1,"a\\"":2,"a\\"":3}' });
      const { errors } = await answer.json();
      assert.deepEqual([answer.status, errors?.[0].pointer], [422, "#/a%5C"]);
    } finally {
      await server.shutdown();
      service.rejectionLog.flush();
    }
    const [first, second] = names;
    const orders = [[first, second], [second, first], [first, second]];
    for (const [k, order] of orders.entries()) {
      const row = { x: k, ...Object.fromEntries(order.map((name, i) => [name, k + 10 * i])) };
      const expected = predictor.predict(row, createFindings());
      assert.ok(expected > 0 && expected < 1);
      const text = JSON.stringify(row);
      for (const [path, body] of [["/predict", text], ["/predict/batch", `{"rows":[${text}]}`]]) {
        const response = await send(service, { method: "POST", path, body });
        const answer = await response.json();
        const found = path === "/predict" ? answer.probability : answer.rows?.[0]?.probability;
        assert.equal(found, expected, `${path} ${body}: ${JSON.stringify(answer)}`);
      }
    }
  } finally {
    store.close();
    Deno.removeSync(folder, { recursive: true });
  }
});
