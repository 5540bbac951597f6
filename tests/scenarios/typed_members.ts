import type { Scenario } from "./scenario.ts";
import { row } from "../support/served_models.ts";

const json = { "content-type": "application/json" };
const names = Object.keys(row);
const values = Object.values(row);
const rejected = { status: 422, problem: "input-invalid" } as const;
const rejectedByProtocol = { headers: json, status: 400, problem: "input-invalid" } as const;

/** Values that are not keys, in a row that needs no key. */
const noKeys = [{}, [], ["lead-a"], true, false];

/** Members of the wrong type in requests that could be answered without them. */
export const typedMembers: readonly Scenario[] = [
  ...noKeys.flatMap((value): Scenario[] =>
    ["lead_uuid", "offer_id"].flatMap((name) => [
      {
        name: `in a complete row, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict",
        body: { ...row, [name]: value },
        ...rejected,
        pointers: [`#/${name}`],
      },
      {
        name: `with an explanation, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict?explain=true",
        body: { ...row, [name]: value },
        ...rejected,
        pointers: [`#/${name}`],
      },
      {
        name: `in a strict batch, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict/batch?strict=true",
        body: [row, { ...row, [name]: value }],
        ...rejected,
        pointers: [`#/1/${name}`],
      },
      {
        name: `in columns, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict/batch?strict=true",
        body: {
          columns: {
            ...Object.fromEntries(names.map((field, i) => [field, [values[i], values[i]]])),
            [name]: ["1", value],
          },
        },
        ...rejected,
        pointers: [`#/columns/1/${name}`],
      },
      {
        name: `in a ranking, ${name} must not be ${JSON.stringify(value)}`,
        path: "/rank?strict=true",
        body: { offers: [{ ...row, [name]: value }] },
        ...rejected,
        pointers: [`#/offers/0/${name}`],
      },
      {
        name: `in a what-if row, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict/what-if",
        body: { features: { ...row, [name]: value }, changes: [{ apr: 1 }] },
        ...rejected,
        pointers: [`#/features/${name}`],
      },
      {
        name: `in a change, ${name} must not be ${JSON.stringify(value)}`,
        path: "/predict/what-if",
        body: { features: row, changes: [{ [name]: value }] },
        ...rejected,
        pointers: [`#/changes/0/${name}`],
      },
      {
        name: `in instances, ${name} must not be ${JSON.stringify(value)}`,
        path: "/v1/models/clickwell:predict",
        body: { instances: [{ ...row, [name]: value === noKeys[2] ? ["a", "b"] : value }] },
        ...rejectedByProtocol,
        pointers: [`#/instances/0/${name}`],
      },
    ])
  ),
  {
    name: "params must be an object",
    path: "/invocations",
    body: { instances: [row], params: [null] },
    ...rejectedByProtocol,
    pointers: ["#/params"],
  },
  {
    name: "params may be null",
    path: "/invocations",
    body: { instances: [row], params: null },
    headers: json,
    status: 200,
  },
  {
    name: "an index must be a list",
    path: "/invocations",
    body: { dataframe_split: { columns: names, data: [values], index: 5 } },
    ...rejectedByProtocol,
    pointers: ["#/dataframe_split/index"],
  },
  {
    name: "a frame must not repeat a column",
    path: "/invocations",
    body: { dataframe_split: { columns: [...names, "apr"], data: [[...values, 99]] } },
    ...rejectedByProtocol,
    pointers: ["#/dataframe_split/columns/6"],
  },
  {
    name: "a frame must not repeat an unknown column",
    path: "/invocations",
    body: { dataframe_split: { columns: [...names, "a", "a"], data: [[...values, 1, 2]] } },
    ...rejectedByProtocol,
    pointers: ["#/dataframe_split/columns/7"],
  },
  {
    name: "CSV must not repeat a column",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: `${names.join(",")},apr\n${values.join(",")},99\n`,
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "a CSV row may have a category named like a field",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: "15000,72000,11.5,credit,apr,12",
    status: 200,
  },
  {
    name: "a CSV with only an incomplete header is rejected",
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
    { name: "an id of tensors is a string", body: { id: 5 }, pointer: "#/id" },
    { name: "parameters of tensors are an object", body: { parameters: [] }, pointer: "#/parameters" },
    {
      name: "parameters of an output must be an object",
      body: { outputs: [{ name: "probability", parameters: 1 }] },
      pointer: "#/outputs/0/parameters",
    },
  ].map(({ name, body, pointer }): Scenario => ({
    name,
    path: "/v2/models/clickwell/infer",
    body: { inputs: tensors(), ...body },
    ...rejectedByProtocol,
    pointers: [pointer],
  })),
  {
    name: "parameters of an input must be an object",
    path: "/v2/models/clickwell/infer",
    body: { inputs: tensors().map((tensor) => ({ ...tensor, parameters: null })) },
    ...rejectedByProtocol,
    pointers: ["#/inputs/0/parameters"],
  },
  {
    name: "a tensor must not be repeated",
    path: "/v2/models/clickwell/infer",
    body: { inputs: [...tensors(), tensors()[2]] },
    ...rejectedByProtocol,
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
