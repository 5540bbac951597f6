import type { Scenario, ScenarioContext } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

const path = "/predict/batch";
const { apr: _apr, ...withoutApr } = row;
const other = { ...row, apr: 20, lender_id: 99 };

/** The members of a row's problem that are the same for every row. */
const rowProblem = {
  type: "urn:clickwell:problem:input-invalid",
  title: "Some fields are not valid",
  status: 422,
};
const fieldsText =
  "The fields of this model are requested, annual_income, apr, loan_purpose, credit, lender_id.";
const aprMissing = {
  ...rowProblem,
  detail: `One field is not valid. ${fieldsText}`,
  errors: [{ pointer: "#/apr", detail: "is missing: send a number" }],
};

function answered({ first }: ScenarioContext, rows: Readonly<Record<string, unknown>>) {
  return { model_id: first.id, version: 1, ...rows };
}

function columnsOf(rows: readonly Readonly<Record<string, unknown>>[]) {
  return Object.fromEntries(Object.keys(rows[0]).map((name) => [name, rows.map((values) => values[name])]));
}

export const batchScenarios: readonly Scenario[] = [
  {
    name: "a compressed body is of the wrong type",
    path,
    body: [row],
    headers: { "content-encoding": "gzip" },
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "compressed lines are of the wrong type",
    path,
    body: "{}",
    headers: { "content-type": "application/x-ndjson", "content-encoding": "br" },
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "rows are answered in order by one model",
    path,
    body: { rows: [row, other] },
    status: 200,
    answer: (context) =>
      answered(context, {
        rows: [
          { probability: probabilityOf(context.first) },
          { probability: probabilityOf(context.first, other), unseen: ["lender_id"] },
        ],
      }),
  },
  {
    name: "an array is answered by an array, and the headers name the model",
    path,
    body: [row, other],
    status: 200,
    answer: ({ first }) => ({
      0: { probability: probabilityOf(first) },
      1: { probability: probabilityOf(first, other), unseen: ["lender_id"] },
      length: 2,
    }),
    responseHeaders: { "x-model-version": "1", "content-type": "application/json" },
  },
  {
    name: "columns are answered by columns",
    path,
    body: { columns: columnsOf([row, other]) },
    status: 200,
    answer: (context) =>
      answered(context, {
        columns: { probability: [probabilityOf(context.first), probabilityOf(context.first, other)] },
        unseen: { lender_id: [1] },
        errors: undefined,
      }),
  },
  { name: "no rows have no answers", path, body: { rows: [] }, status: 200, answer: () => ({ rows: [] }) },
  { name: "an empty array is a batch", path, body: [], status: 200, answer: () => ({ length: 0 }) },
  {
    name: "a bad row is reported in its place, and the others are answered",
    path,
    body: { rows: [withoutApr, row, 5] },
    status: 200,
    answer: ({ first }) => ({
      rows: [
        { index: 0, error: aprMissing },
        { probability: probabilityOf(first) },
        {
          index: 2,
          error: {
            ...rowProblem,
            detail: "The row is a number, expected one object of raw fields.",
            errors: [{ pointer: "#", detail: "must be an object, not a number" }],
          },
        },
      ],
    }),
  },
  {
    name: "a bad row of columns has no probability and is reported",
    path,
    body: { columns: { ...columnsOf([row, other]), apr: [null, 20] } },
    status: 200,
    answer: ({ first }) => ({
      columns: { probability: [null, probabilityOf(first, other)] },
      errors: [{
        index: 0,
        error: {
          ...aprMissing,
          errors: [{ pointer: "#/apr", detail: "must be a number, not null" }],
        },
      }],
    }),
    // The problem's pointers are those of the rows above.
    pointers: [undefined],
  },
  {
    name: "a strict batch with a bad row is rejected with every bad field",
    path: `${path}?strict=true`,
    body: { rows: [row, withoutApr, { ...row, credit: [] }] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/rows/1/apr", "#/rows/2/credit"],
  },
  {
    name: "errors in a strict array point to the position of the row",
    path: `${path}?strict=true`,
    body: [row, { ...row, "a/b": 1 }],
    status: 422,
    problem: "input-invalid",
    pointers: ["#/1/a~1b"],
  },
  {
    name: "errors in strict columns point to the position of the row",
    path: `${path}?strict=true`,
    body: { columns: { ...columnsOf([row, other]), apr: [11, "x"] } },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/columns/1/apr"],
  },
  {
    name: "columns of different lengths are reported with pointers",
    path,
    body: { columns: { ...columnsOf([row, other]), credit: ["good"] } },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/columns/credit"],
  },
  {
    name: "missing and unknown columns are reported with pointers",
    path,
    body: { columns: { ...columnsOf([withoutApr]), colour: ["blue"] } },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/columns/colour", "#/columns/apr"],
  },
  {
    name: "a column that is not an array is reported with a pointer",
    path,
    body: { columns: { ...columnsOf([row]), apr: 11.5 } },
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a batch that is neither rows nor columns is rejected with the expected forms",
    path,
    body: { instances: [row] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a batch that is not JSON is malformed",
    path,
    body: '{"rows":[',
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "a batch of more than 10,000 rows is too long",
    path,
    body: { rows: Array(10_001).fill(1) },
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "columns of more than 10,000 values are too long",
    path,
    body: { columns: { apr: Array(10_001).fill(1) } },
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "a batch of more than 8 MiB is too long",
    path,
    body: `[${" ".repeat(8 * 1024 * 1024)}]`,
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "an unknown query parameter is reported with a pointer",
    path: `${path}?strikt=true`,
    body: [row],
    status: 422,
    problem: "input-invalid",
    pointers: ["#/strikt"],
  },
  {
    name: "without a model, the problem of a batch tells how to get one",
    path,
    body: [row],
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "rows may be keys of the store",
    path,
    body: { rows: [{ offer_id: 1 }, row, { offer_id: 77 }, { offer_id: 2, apr: 11.5, lender_id: 12 }] },
    status: 200,
    answer: ({ first }) => ({
      rows: [
        { probability: probabilityOf(first) },
        { probability: probabilityOf(first) },
        {
          index: 2,
          error: {
            type: "urn:clickwell:problem:row-unknown",
            title: "The store has no such row",
            status: 404,
            detail:
              "The store has no row with offer_id 77. Load it with clickwell ingest, or send the fields.",
          },
        },
        { probability: probabilityOf(first) },
      ],
    }),
  },
  {
    name: "columns may be keys of the store",
    path,
    body: { columns: { offer_id: [1, 2], apr: [11.5, 11.5], lender_id: [12, 12] } },
    status: 200,
    answer: ({ first }) => ({
      columns: { probability: [probabilityOf(first), probabilityOf(first)] },
    }),
  },
  {
    name: "a batch that needs a missing store fails as a whole",
    path,
    body: { rows: [row, { offer_id: 1 }] },
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 503,
    problem: "store-missing",
  },
];
