import type { Scenario } from "./scenario.ts";
import { row } from "../support/served_models.ts";

const json = { "content-type": "application/json" };
const names = Object.keys(row);
const values = Object.values(row);
const refused = { status: 422, problem: "input-invalid" } as const;
const refusedAbroad = { headers: json, status: 400, problem: "input-invalid" } as const;

/** What is no key, though the row needs none. */
const noKeys = [{}, [], ["lead-a"], true, false];

/** Members that are not of the type that the document gives them, beside a row that could be answered without them. */
export const typedMembers: readonly Scenario[] = [
  ...noKeys.flatMap((value): Scenario[] =>
    ["lead_uuid", "offer_id"].flatMap((name) => [
      {
        name: `beside a whole row, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict",
        body: { ...row, [name]: value },
        ...refused,
        pointers: [`#/${name}`],
      },
      {
        name: `with an explanation neither, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict?explain=true",
        body: { ...row, [name]: value },
        ...refused,
        pointers: [`#/${name}`],
      },
      {
        name: `in a strict batch, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict/batch?strict=true",
        body: [row, { ...row, [name]: value }],
        ...refused,
        pointers: [`#/1/${name}`],
      },
      {
        name: `in columns, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict/batch?strict=true",
        body: {
          columns: {
            ...Object.fromEntries(names.map((field, i) => [field, [values[i], values[i]]])),
            [name]: ["1", value],
          },
        },
        ...refused,
        pointers: [`#/columns/1/${name}`],
      },
      {
        name: `of a ranking's rows, ${name} is no ${JSON.stringify(value)}`,
        path: "/rank?strict=true",
        body: { offers: [{ ...row, [name]: value }] },
        ...refused,
        pointers: [`#/offers/0/${name}`],
      },
      {
        name: `of a question's row, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict/what-if",
        body: { features: { ...row, [name]: value }, changes: [{ apr: 1 }] },
        ...refused,
        pointers: [`#/features/${name}`],
      },
      {
        name: `of a change, ${name} is no ${JSON.stringify(value)}`,
        path: "/predict/what-if",
        body: { features: row, changes: [{ [name]: value }] },
        ...refused,
        pointers: [`#/changes/0/${name}`],
      },
      {
        name: `among instances, ${name} is no ${JSON.stringify(value)}`,
        path: "/v1/models/clickwell:predict",
        body: { instances: [{ ...row, [name]: value === noKeys[2] ? ["a", "b"] : value }] },
        ...refusedAbroad,
        pointers: [`#/instances/0/${name}`],
      },
    ])
  ),
  {
    name: "params are an object",
    path: "/invocations",
    body: { instances: [row], params: [null] },
    ...refusedAbroad,
    pointers: ["#/params"],
  },
  {
    name: "params that are null are none",
    path: "/invocations",
    body: { instances: [row], params: null },
    headers: json,
    status: 200,
  },
  {
    name: "an index is a list",
    path: "/invocations",
    body: { dataframe_split: { columns: names, data: [values], index: 5 } },
    ...refusedAbroad,
    pointers: ["#/dataframe_split/index"],
  },
  {
    name: "a column of a frame is named once",
    path: "/invocations",
    body: { dataframe_split: { columns: [...names, "apr"], data: [[...values, 99]] } },
    ...refusedAbroad,
    pointers: ["#/dataframe_split/columns/6"],
  },
  {
    name: "a column that the model does not have is named once, too",
    path: "/invocations",
    body: { dataframe_split: { columns: [...names, "a", "a"], data: [[...values, 1, 2]] } },
    ...refusedAbroad,
    pointers: ["#/dataframe_split/columns/7"],
  },
  {
    name: "a column of CSV is named once",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: `${names.join(",")},apr\n${values.join(",")},99\n`,
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "a row of CSV may have a category that is called like a field",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: "15000,72000,11.5,credit,apr,12",
    status: 200,
  },
  {
    name: "a header of CSV that lacks a field is no answer without predictions",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: `${names.slice(1).join(",")}\n`,
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "lines of CSV may end with CR",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: `${names.join(",")}\r${values.join(",")}\r${values.join(",")}\r`,
    status: 200,
  },
  ...[
    { name: "an id of tensors is a text", body: { id: 5 }, pointer: "#/id" },
    { name: "parameters of tensors are an object", body: { parameters: [] }, pointer: "#/parameters" },
    {
      name: "parameters of an output are an object",
      body: { outputs: [{ name: "probability", parameters: 1 }] },
      pointer: "#/outputs/0/parameters",
    },
  ].map(({ name, body, pointer }): Scenario => ({
    name,
    path: "/v2/models/clickwell/infer",
    body: { inputs: tensors(), ...body },
    ...refusedAbroad,
    pointers: [pointer],
  })),
  {
    name: "parameters of an input are an object",
    path: "/v2/models/clickwell/infer",
    body: { inputs: tensors().map((tensor) => ({ ...tensor, parameters: null })) },
    ...refusedAbroad,
    pointers: ["#/inputs/0/parameters"],
  },
  {
    name: "a tensor is named once",
    path: "/v2/models/clickwell/infer",
    body: { inputs: [...tensors(), tensors()[2]] },
    ...refusedAbroad,
    pointers: ["#/inputs"],
  },
];

function tensors() {
  return names.map((name, i) => ({
    name,
    datatype: typeof values[i] === "number" ? "FP64" : "BYTES",
    shape: [1],
    data: [values[i]],
  }));
}
