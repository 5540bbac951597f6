import assert from "node:assert/strict";
import { createLog } from "../../../server/runtime/log.ts";
import { createService } from "../../../server/service/service.ts";
import { operationOf, takesBody } from "../../support/openapi_document.ts";
import { readDocument, send } from "../../scenarios/scenario.ts";
import { makeServedModels, row } from "../../support/served_models.ts";
import { tensorsOf } from "../../support/tensors.ts";

const keyed = { ...row, offer_id: 1, lead_uuid: "lead-a" };
const names = Object.keys(row);
const values = Object.values(row);
/** In the order of the model. */
const listed = [15_000, 72_000, 11.5, "debt_consolidation", "good", 12];
const columns = Object.fromEntries(names.map((name, i) => [name, [values[i], values[i]]]));
const tensors = tensorsOf([row]).map((tensor) => ({ ...tensor, parameters: {} }));

/** Valid bodies with every possible member. */
const bodies: readonly (readonly [path: string, body: unknown])[] = [
  ["/predict", keyed],
  ["/predict/batch?strict=true", [keyed, keyed]],
  ["/predict/batch?strict=true", { rows: [keyed] }],
  ["/predict/batch?strict=true", { columns: { ...columns, offer_id: [1, 2], lead_uuid: ["lead-a", null] } }],
  ["/rank?strict=true", {
    lead: { lead_uuid: "lead-a", requested: 1 },
    offers: [keyed, { offer_id: 1 }],
    top: 1,
  }],
  ["/predict/what-if", { features: keyed, changes: [{ apr: 1, offer_id: 2 }] }],
  ["/invocations", { dataframe_split: { columns: names, data: [values], index: [0] }, params: { a: 1 } }],
  ["/invocations", { dataframe_records: [keyed], params: {} }],
  ["/invocations", { instances: [keyed, listed] }],
  ["/invocations", { inputs: columns }],
  ["/v1/models/clickwell:predict", { signature_name: "serving_default", instances: [keyed, listed] }],
  ["/v1/models/clickwell:predict", { inputs: columns }],
  ["/v1/models/clickwell:classify", { signature_name: "", context: { apr: 1 }, examples: [keyed] }],
  ["/v1/models/clickwell:explain", { instances: [keyed] }],
  ["/vertex/predict", { instances: [keyed, listed], parameters: {} }],
  ["/v2/models/clickwell/infer", {
    id: "x",
    parameters: { a: 1 },
    inputs: tensors,
    outputs: [{ name: "probability", parameters: { binary_data: false } }],
  }],
  ["/v2/repository/index", { ready: true, parameters: {} }],
  ["/v2/repository/models/clickwell/load", { parameters: {} }],
];

/** Replacements of each value; undefined removes it. */
const others = [undefined, null, true, 0, -1.5, "", "x", [], [null], {}, { a: 1 }];

function* changed(value: unknown): Generator<unknown> {
  yield* others;
  if (Array.isArray(value)) {
    for (const [i, member] of value.entries()) {
      for (const other of changed(member)) {
        yield other === undefined ? value.toSpliced(i, 1) : value.with(i, other);
      }
    }
  } else if (typeof value === "object" && value !== null) {
    // JSON omits a member that is undefined.
    for (const [name, member] of Object.entries(value)) {
      for (const other of changed(member)) yield { ...value, [name]: other };
    }
  }
}

Deno.test("a body that the OpenAPI document does not allow is rejected, whichever member is changed", async () => {
  const models = makeServedModels();
  const service = createService({
    ...models,
    token: undefined,
    insecure: false,
    log: createLog({ format: "json", level: "error", write: () => {} }),
    vertex: { health: "/vertex/health", predict: "/vertex/predict" },
  });
  try {
    await service.production.sync();
    const document = await readDocument(service);
    let rejected = 0;
    for (const [path, body] of bodies) {
      const operation = operationOf(document, "POST", path);
      assert(operation, path);
      for (const sent of [body, ...changed(body)]) {
        const text = JSON.stringify(sent);
        if (text === undefined) continue;
        const isAllowed = await takesBody(document, operation, JSON.parse(text));
        const headers = { "content-type": "application/json" };
        const response = await send(service, { method: "POST", path, body: text, headers });
        const answer = await response.text();
        assert(response.status < 500, `${path} ${text}: ${answer}`);
        if (sent === body) assert.equal(response.status, 200, `${path} ${text}: ${answer}`);
        if (isAllowed) continue;
        assert(
          response.status === 400 || response.status === 422,
          `${path} ${text}: ${response.status} ${answer}`,
        );
        rejected++;
      }
    }
    assert(rejected > 1000, `${rejected} bodies were rejected`);
  } finally {
    service.rejectionLog.flush();
    models.remove();
  }
});
