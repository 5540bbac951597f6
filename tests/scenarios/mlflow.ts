import { probabilityOf, row } from "../support/served_models.ts";
import type { Scenario } from "./scenario.ts";

const path = "/invocations";
const json = { "content-type": "application/json" };
const csv = { "content-type": "text/csv; charset=utf-8" };
const names = Object.keys(row);
const other = { ...row, annual_income: null, credit: "unheard of", lender_id: 7 };
const { apr: _, ...withoutApr } = row;

function both({ first }: Parameters<NonNullable<Scenario["answer"]>>[0]) {
  return { predictions: [probabilityOf(first), probabilityOf(first, other)], model_id: first.id };
}

export const invocationScenarios: readonly Scenario[] = [
  {
    name: "a split frame, with an index and a column that the model does not have",
    path,
    headers: json,
    body: {
      dataframe_split: {
        index: [0, 1],
        columns: ["offer_id", ...names],
        data: [["o1", ...Object.values(row)], ["o2", ...Object.values(other)]],
      },
      params: { any: 1 },
      signature_name: "passed over",
    },
    status: 200,
    answer: both,
  },
  {
    name: "a split frame without names has the fields in their order",
    path,
    headers: json,
    body: { dataframe_split: { data: [[15_000, 72_000, 11.5, "debt_consolidation", "good", 12]] } },
    status: 200,
    answer: ({ first }) => ({ predictions: [probabilityOf(first)] }),
  },
  {
    name: "a frame with NaN, as Python writes it",
    path,
    headers: json,
    body: JSON.stringify({
      dataframe_split: { columns: names, data: [Object.values(row), Object.values(other)] },
    })
      .replace("null", "NaN"),
    status: 200,
    answer: both,
  },
  {
    name: "records, with a field that the model does not have",
    path,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: { dataframe_records: [{ ...row, offer_id: "o1" }, other] },
    status: 200,
    answer: both,
  },
  {
    name: "instances by field",
    path,
    headers: json,
    body: { instances: [row, other] },
    status: 200,
    answer: both,
  },
  {
    name: "inputs as columns",
    path,
    headers: json,
    body: {
      inputs: {
        ...Object.fromEntries(
          names.map((name) => [name, [Reflect.get(row, name), Reflect.get(other, name)]]),
        ),
        offer_id: ["o1", "o2"],
      },
    },
    status: 200,
    answer: both,
  },
  {
    name: "inputs as rows in the order of the fields",
    path,
    headers: json,
    body: { inputs: [[15_000, 72_000, 11.5, "debt_consolidation", "good", 12]] },
    status: 200,
    answer: ({ first }) => ({ predictions: [probabilityOf(first)] }),
  },
  { name: "JSON without a content type", path, body: { instances: [row, other] }, status: 200, answer: both },
  {
    name: "CSV as DataFrame.to_csv writes it, with index and missing values",
    path,
    headers: csv,
    body: `,lender_id,${names.slice(0, -1).join(",")}\n` +
      `0,12.0,15000,debt_consolidation,good,72000.0,11.5\n1,7.0,15000,debt_consolidation,"unheard, of",,11.5\n`,
    status: 200,
    answer: both,
  },
  {
    name: "CSV without a header has the fields in their order",
    path,
    headers: { "content-type": "text/csv" },
    body: "15000,72000,11.5,debt_consolidation,good,12\r\n15000,NaN,11.5,debt_consolidation,?,7",
    status: 200,
    answer: both,
  },
  {
    name: "a CSV with only a header has no predictions",
    path,
    headers: csv,
    body: `${names.join(",")}\n`,
    status: 200,
    answer: () => ({ predictions: [] }),
  },
  {
    name: "a CSV without the fields is rejected",
    path,
    headers: csv,
    body: "a,b\n1,2\n",
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a bad value in CSV is reported with a pointer",
    path,
    headers: csv,
    body: `${names.join(",")}\n15000,debt_consolidation,good,72000,high,12\n`,
    status: 400,
    problem: "input-invalid",
    pointers: ["#/0/4"],
  },
  {
    name: "a CSV row of the wrong length is reported with a pointer",
    path,
    headers: csv,
    body: `${names.join(",")}\n15000,debt_consolidation\n`,
    status: 400,
    problem: "input-invalid",
    pointers: ["#/0"],
  },
  {
    name: "a CSV with an unclosed quote is malformed",
    path,
    headers: csv,
    body: `${names.join(",")}\n15000,"debt`,
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "a CSV with text after a closing quote is malformed",
    path,
    headers: csv,
    body: `${names.join(",")}\n15000,"debt"x,good,72000,11,12`,
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "two forms at once are rejected",
    path,
    headers: json,
    body: { instances: [row], inputs: [row] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a body without any of the forms is rejected",
    path,
    headers: json,
    body: { rows: [row] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a bare list is rejected",
    path,
    headers: json,
    body: [row],
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a missing column is reported with a pointer",
    path,
    headers: json,
    body: { dataframe_records: [withoutApr] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/dataframe_records/0/apr"],
  },
  {
    name: "a split frame with other members is rejected",
    path,
    headers: json,
    body: { dataframe_split: { columns: names, data: [], rows: [] } },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/dataframe_split"],
  },
  ...([
    [{ dataframe_split: [] }, "#/dataframe_split"],
    [{ dataframe_split: { columns: names } }, "#/dataframe_split/data"],
    [{ dataframe_split: { columns: [1], data: [] } }, "#/dataframe_split/columns"],
    [{ dataframe_split: { columns: names, data: [1] } }, "#/dataframe_split/data/0"],
    [{ dataframe_split: { columns: names, data: [[1]] } }, "#/dataframe_split/data/0"],
    [{ dataframe_records: {} }, "#/dataframe_records"],
  ] as const).map(([body, pointer]): Scenario => ({
    name: `an invalid frame is reported with a pointer: ${JSON.stringify(body).slice(0, 60)}`,
    path,
    headers: json,
    body,
    status: 400,
    problem: "input-invalid",
    pointers: [pointer],
  })),
  {
    name: "another content type is rejected",
    path,
    headers: { "content-type": "application/vnd.apache.parquet" },
    body: "PAR1",
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "another charset is rejected",
    path,
    headers: { "content-type": "text/csv; charset=latin1" },
    body: "a",
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "an unknown parameter of the content type is rejected",
    path,
    headers: { "content-type": "application/json; format=pandas-split" },
    body: "{}",
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "without a model, the answer is a problem",
    path,
    headers: json,
    body: { instances: [row] },
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
];

export const mlflowScenarios: readonly Scenario[] = [
  ...["/ping", "/health"].flatMap((path): Scenario[] => [
    {
      name: "200 with a model",
      path,
      status: 200,
      text: "\n",
      responseHeaders: { "content-type": "text/plain" },
    },
    {
      name: "404 without a model",
      path,
      given: ({ service }) => {
        service.slot.current = undefined;
      },
      status: 404,
      problem: "model-unknown",
    },
    {
      name: "a draining server is not healthy",
      path,
      given: ({ service }) => {
        service.lifecycle.draining = true;
      },
      status: 503,
      problem: "draining",
    },
  ]),
  {
    name: "the version is MLflow's, in plain text",
    path: "/version",
    status: 200,
    text: "3.17.2",
    responseHeaders: { "content-type": "text/plain" },
  },
];
