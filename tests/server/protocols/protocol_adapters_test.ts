import assert from "node:assert/strict";
import fc from "fast-check";
import { createLog } from "../../../server/runtime/log.ts";
import { createService, type Service } from "../../../server/service/service.ts";
import { send } from "../../scenarios/scenario.ts";
import { makeServedModels, probabilityOf, type row } from "../../support/served_models.ts";
import { inferBody, type SentBody, tensorsOf } from "../../support/tensors.ts";

fc.configureGlobal({ seed: 20260101 });

type AnyRow = Record<keyof typeof row, string | number | null>;

const names = ["requested", "annual_income", "apr", "loan_purpose", "credit", "lender_id"] as const;

const number = fc.oneof(
  fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e12, max: 1e12 }),
  fc.integer(),
  fc.constantFrom(0, -0, 1e-300, 5e-324, 1e12),
);
/** Known and unseen categories, numbers and the same as strings, and strings that a format could misread. */
const category = fc.constantFrom<string | number>(
  ...["debt_consolidation", "other", "fair", "good", "12", 12, 7, "7", 99, "99", 1.5],
  ...["boat", "naïve", "日本", "\u2028", 'quo"ted', "a,b", "tab\tbed", "two\nlines", "{}", " "],
);
const row_: fc.Arbitrary<AnyRow> = fc.record({
  requested: fc.option(number),
  annual_income: fc.option(number),
  apr: number,
  loan_purpose: fc.option(category),
  credit: fc.option(category),
  lender_id: fc.option(category),
});

const valuesOf = (row: AnyRow) => names.map((name) => row[name]);
const columnsOf = (rows: readonly AnyRow[]) =>
  Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));

/** A request form of a protocol. */
interface RequestForm {
  readonly name: string;
  readonly path: string;
  readonly ask: (
    rows: readonly AnyRow[],
  ) => SentBody | { readonly body: unknown; readonly headers?: Record<string, string> };
  readonly read: (response: Response) => Promise<unknown>;
  /** Arrays of strings cannot represent an unknown value. */
  readonly withoutNullCategories?: true;
}

function member(name: string): RequestForm["read"] {
  return async (response) => (await response.json())[name];
}

const infer = "/v2/models/clickwell/infer";
const predict = "/v1/models/clickwell:predict";
const invocations = { path: "/invocations", read: member("predictions") };
const vertex = { health: "/vertex/health", predict: "/vertex/predict" };
const firstOutput: RequestForm["read"] = async (response) => (await response.json()).outputs[0].data;

const requestForms: readonly RequestForm[] = [
  {
    name: "Open Inference, JSON",
    path: infer,
    ask: (rows) => ({ body: { inputs: tensorsOf(rows) } }),
    read: firstOutput,
  },
  {
    name: "Open Inference, bytes in",
    path: infer,
    ask: (rows) => inferBody(rows, { binary: true }),
    read: firstOutput,
    withoutNullCategories: true,
  },
  {
    name: "Open Inference, bytes out",
    path: infer,
    ask: (rows) => ({ body: { inputs: tensorsOf(rows), parameters: { binary_data_output: true } } }),
    read: readBytes,
  },
  {
    name: "TensorFlow Serving, rows",
    path: predict,
    ask: (rows) => ({ body: { instances: rows } }),
    read: member("predictions"),
  },
  {
    name: "TensorFlow Serving, lists",
    path: predict,
    ask: (rows) => ({ body: { instances: rows.map(valuesOf) } }),
    read: member("predictions"),
  },
  {
    name: "TensorFlow Serving, columns",
    path: predict,
    ask: (rows) => ({ body: { inputs: columnsOf(rows) } }),
    read: member("outputs"),
  },
  {
    name: "TensorFlow Serving, regress",
    path: "/v1/models/clickwell:regress",
    ask: (rows) => ({ body: { examples: rows } }),
    read: member("results"),
  },
  {
    name: "TensorFlow Serving, classify",
    path: "/v1/models/clickwell:classify",
    ask: (rows) => ({ body: { examples: rows } }),
    read: async (response) =>
      (await response.json()).results.map((scores: [string, number][]) => scores[1][1]),
  },
  {
    name: "MLflow, split",
    ...invocations,
    ask: (rows) => ({ body: { dataframe_split: { columns: names, data: rows.map(valuesOf) } } }),
  },
  { name: "MLflow, records", ...invocations, ask: (rows) => ({ body: { dataframe_records: rows } }) },
  { name: "MLflow, instances", ...invocations, ask: (rows) => ({ body: { instances: rows } }) },
  { name: "MLflow, inputs", ...invocations, ask: (rows) => ({ body: { inputs: columnsOf(rows) } }) },
  {
    name: "MLflow, CSV",
    ...invocations,
    ask: (rows) => ({ body: csvOf(rows), headers: { "content-type": "text/csv" } }),
  },
  {
    name: "Vertex AI",
    path: vertex.predict,
    ask: (rows) => ({ body: { instances: rows } }),
    read: member("predictions"),
  },
];

async function readBytes(response: Response): Promise<number[]> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const start = Number(response.headers.get("inference-header-content-length"));
  const { outputs: [{ shape: [count], parameters }] } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(0, start)),
  );
  assert.deepEqual([parameters.binary_data_size, bytes.length], [8 * count, start + 8 * count]);
  return [...new Float64Array(bytes.slice(start).buffer)];
}

function csvOf(rows: readonly AnyRow[]): string {
  const cell = (value: string | number | null) =>
    typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : String(value ?? "");
  return [names.join(","), ...rows.map((row) => valuesOf(row).map(cell).join(","))].join("\n");
}

async function probabilitiesBy(
  service: Service,
  { path, ask, read, name }: RequestForm,
  rows: readonly AnyRow[],
) {
  const response = await send(service, { method: "POST", path, ...ask(rows) });
  assert.equal(response.status, 200, `${name}: ${response.status === 200 ? "" : await response.text()}`);
  return await read(response);
}

for (const withTables of [false, true]) {
  const of = withTables ? "tables" : "columns";
  Deno.test(`protocols: the same rows get the same probabilities in all protocols, to the last bit, by a model of ${of}`, () =>
    sameProbabilities(withTables));
}

async function sameProbabilities(withTables: boolean): Promise<void> {
  const models = makeServedModels({ withTables });
  const log = createLog({ format: "json", level: "error", write: () => {} });
  const service = createService({ ...models, token: undefined, insecure: false, log, vertex });
  try {
    await service.production.sync();
    await fc.assert(
      fc.asyncProperty(fc.array(row_, { minLength: 1, maxLength: 4 }), async (rows) => {
        const expected = [];
        for (const row of rows) {
          const response = await send(service, { method: "POST", path: "/predict", body: row });
          expected.push((await response.json()).probability);
        }
        assert.deepEqual(expected, rows.map((row) => probabilityOf(models.first, row)));
        for (const form of requestForms) {
          const hasNull = rows.some(({ loan_purpose, credit, lender_id }) =>
            [loan_purpose, credit, lender_id].includes(null)
          );
          if (form.withoutNullCategories && hasNull) continue;
          assert.deepEqual(await probabilitiesBy(service, form, rows), expected, form.name);
        }
      }),
      { numRuns: 150 },
    );
  } finally {
    models.remove();
  }
}
