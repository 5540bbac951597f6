import assert from "node:assert/strict";
import { rowSchemaOf } from "../../../server/openapi/row_schema.ts";
import fc from "fast-check";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { pathTemplate } from "../../../server/openapi/operation_object.ts";
import { clientKinds } from "../../../server/openapi/responses.ts";
import { problemType } from "../../../server/http/problem.ts";
import { createService, type Service, type ServiceOptions } from "../../../server/service/service.ts";
import {
  errorsOfDocument,
  type OpenapiDocument,
  operationOf,
  takesBody,
} from "../../support/openapi_document.ts";
import { readDocument, send } from "../../scenarios/scenario.ts";
import { makeServedModels, row, type ServedModels } from "../../support/served_models.ts";

interface DocumentTestContext {
  readonly service: Service;
  readonly models: ServedModels;
  readonly document: OpenapiDocument;
}

function documentTest(
  name: string,
  test: (context: DocumentTestContext) => void | Promise<void>,
  options?: Partial<ServiceOptions>,
) {
  Deno.test(name, async () => {
    const models = makeServedModels();
    const service = createService({
      dataDir: models.dataDir,
      modelsDir: models.modelsDir,
      token: undefined,
      insecure: false,
      log: createLog({ format: "json", level: "error", write: () => {} }),
      ...options,
    });
    try {
      await service.production.sync();
      await test({ service, models, document: await readDocument(service) });
    } finally {
      models.remove();
    }
  });
}

function operationsOf({ paths }: OpenapiDocument) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, operation }))
  );
}

documentTest(
  "document: valid under the official schema of OpenAPI 3.1 and its dialect",
  async ({ document }) => {
    assert.deepEqual(await errorsOfDocument(document), []);
    const broken = structuredClone(document);
    Object.assign(broken.components.schemas.Row, { type: "row" });
    assert.notDeepEqual(await errorsOfDocument(broken), [], "schemas in it are checked too");
  },
);

documentTest(
  "document: texts speak of rows and labels; words of loan offers only occur in names of members",
  ({ document }) => {
    const texts: string[] = [];
    JSON.stringify(document, (key, value) => {
      if (["description", "summary", "title"].includes(key) && typeof value === "string") texts.push(value);
      return value;
    });
    // Names of members are in JSON or between backquotes.
    const prose = texts.map((text) => text.replace(/`[^`]*`|\{.*\}|"[^"]*"/g, ""));
    assert.ok(prose.length > 100);
    assert.deepEqual(
      prose.filter((text) => /\b(offers?|leads?|lenders?|loans?|click(s|ed)?)\b/i.test(text)),
      [],
    );
  },
);

documentTest("document: valid with a token and without a model", async ({ service, document }) => {
  assert.deepEqual(await errorsOfDocument(document), []);
  service.slot.current = undefined;
  assert.deepEqual(await errorsOfDocument(await readDocument(service)), []);
}, { token: "t0ken" });

documentTest("document: has every route, and nothing else", ({ service, document }) => {
  const routes = service.routes.map(({ method, path }) => `${method} ${pathTemplate(path)}`);
  const documented = operationsOf(document).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  assert.deepEqual(documented.toSorted(), routes.toSorted());
});

documentTest("document: operation ids are unique, and every reference resolves", ({ document }) => {
  const ids = operationsOf(document).map(({ operation }) => operation.operationId);
  assert.deepEqual([...new Set(ids)], ids);
  assert.deepEqual(ids.filter((id) => !/^[a-z][A-Za-z0-9]*$/.test(id)), []);
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g);
  const names = [...references].map(([, target]) => target.replace("#/components/schemas/", ""));
  assert.deepEqual(names.filter((name) => !(name in document.components.schemas)), []);
});

documentTest("document: path parameters are exactly those of the path", ({ document }) => {
  for (const { path, operation: { parameters = [] } } of operationsOf(document)) {
    const described = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    assert.deepEqual(described, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), path);
  }
});

documentTest("document: has every problem", ({ document }) => {
  const { type } = document.components.schemas.Problem.properties as { type: { enum: string[] } };
  assert.deepEqual(type.enum, [...clientKinds.map(problemType), "about:blank"]);
});

documentTest("document: with a token, exactly the writes require it", ({ service, document }) => {
  for (const { method, path, write } of service.routes) {
    const operation = operationOf(document, method, path.replaceAll(/(?<=\/):\w+/g, "1"));
    assert.deepEqual(operation?.security, write ? [{ adminToken: [] }] : undefined, path);
  }
  assert.ok(document.components.securitySchemes);
}, { token: "t0ken" });

documentTest("document: without a token there is no security scheme", ({ document }) => {
  assert.equal(document.components.securitySchemes, undefined);
  assert.deepEqual(operationsOf(document).filter(({ operation }) => operation.security), []);
});

documentTest(
  "document: a row has the fields, levels and nulls of the active model, and an example",
  (context) => {
    const { document: { components: { schemas } }, models: { first } } = context;
    assert.deepEqual(schemas.Row, {
      type: "object",
      description: "The raw fields of one row, as defined by the model in production.",
      properties: {
        offer_id: key,
        lead_uuid: key,
        requested: number(true),
        annual_income: number(true),
        apr: number(false),
        loan_purpose: category(["debt_consolidation", "other"]),
        credit: category(["fair", "good"]),
        lender_id: category(["12", "7"]),
      },
      anyOf: [
        { required: ["requested", "annual_income", "apr", "loan_purpose", "credit", "lender_id"] },
        { required: ["offer_id"], properties: { offer_id: { type: ["string", "number"], ...exact } } },
        { required: ["lead_uuid"], properties: { lead_uuid: { type: ["string", "number"], ...exact } } },
      ],
      additionalProperties: false,
      examples: [first.metadata.golden[0].features],
    });
  },
);

const exact = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

const key = {
  type: ["string", "number", "null"],
  ...exact,
  description:
    "a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string",
};

function number(nullable: boolean) {
  return nullable
    ? { type: ["number", "null"], description: "a number; null if not known" }
    : { type: ["number"], description: "a number" };
}

function category(levels: string[]) {
  return {
    description: `a category; the model knows ${levels.length}; null if not known`,
    anyOf: [
      { enum: levels, description: "known" },
      {
        type: ["string", "number", "boolean", "null"],
        description: "any other category; the field is then listed in `unseen`",
      },
    ],
  };
}

documentTest(
  "document: accepts exactly the rows that the model accepts",
  async ({ service, document }) => {
    const operation = operationOf(document, "POST", "/predict");
    const predictor = service.slot.current?.predictor;
    assert.ok(operation && predictor);
    const value = fc.oneof(
      fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e100, max: 1e100 }),
      fc.constantFrom<unknown>(null, true, "good", "12", 12, "", [], {}, ["good"]),
    );
    const change = fc.record({ name: fc.constantFrom(...Object.keys(row), "other"), value });
    const changes = fc.array(change, { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, fc.option(fc.constantFrom(...Object.keys(row))), async (set, unset) => {
        const body: Record<string, unknown> = { ...row };
        for (const { name, value } of set) body[name] = value;
        if (unset !== null) delete body[unset];
        const taken = !Number.isNaN(predictor.predict(body, createFindings()));
        assert.equal(await takesBody(document, operation, body), taken, JSON.stringify(body));
      }),
    );
  },
);

documentTest("document: the example of a body gets an answer", async ({ service, document }) => {
  for (const { path, method, operation } of operationsOf(document)) {
    const example = operation.requestBody?.content["application/json"]?.example;
    if (example === undefined) continue;
    const known = path.replace("{name}", "clickwell").replaceAll(/\{\w+\}/g, "1");
    const response = await send(service, { method: method.toUpperCase(), path: known, body: example });
    assert.equal(response.status, 200, `${method} ${path}: ${await response.text()}`);
  }
});

documentTest(
  "document: its ETag starts with the model's id, and If-None-Match is answered with 304",
  async (context) => {
    const { service, models: { first, second } } = context;
    const ask = (headers = {}) => send(service, { path: "/openapi.json", headers });
    const etag = (await ask()).headers.get("etag") ?? "";
    assert.match(etag, new RegExp(`^"${first.id}\\.[0-9a-f]{8}"$`));
    for (const sent of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const response = await ask({ "if-none-match": sent });
      assert.deepEqual([response.status, response.headers.get("etag"), await response.text()], [
        304,
        etag,
        "",
      ]);
    }
    assert.equal((await ask({ "if-none-match": '"x"' })).status, 200);
    await service.production.assign({ modelId: second.id, assignedBy: "test" });
    const other = await ask({ "if-none-match": etag });
    assert.equal(other.status, 200);
    assert.ok(other.headers.get("etag")?.startsWith(`"${second.id}.`));
  },
);

Deno.test("document: a category lists the spellings of one level, if the model records the type of its values", () => {
  const categorical = { type: "categorical", nullable: false, levels: ["12"] } as const;
  const fields = [
    { ...categorical, name: "old" },
    { ...categorical, name: "integer", values: "integer" },
    { ...categorical, name: "real", values: "real" },
    { ...categorical, name: "text", values: "text" },
  ] as const;
  const encoder = {
    features: fields.map((field, i) => ({ ...field, levels: [...field.levels], column: 3 * i })),
    columnCount: 12,
  };
  const predictor = createPredictor({ encoder, coefficients: new Float64Array(12), intercept: 0 });
  const { properties } = rowSchemaOf({ predictor, example: undefined, keys: undefined });
  const descriptions = Object.values(properties as Record<string, { description: string }>)
    .map(({ description }) => description.replace("a category; the model knows 1", ""));
  assert.deepEqual(descriptions, [
    "",
    '; 12, 12.0, "12" and "012" are the same category, and so are true and 1; send integers beyond 2^53 as a string',
    '; 0.5 and "0.50" are the same category, and so are true and 1',
    '; "12" and 12 are the same category, "012" is another',
  ]);
});
