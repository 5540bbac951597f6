import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { aliasSecond } from "./alias_of.ts";
import { probabilityOf, row } from "../support/served_models.ts";
import { bytesOf, compressed, inferBody, tensorsOf } from "../support/tensors.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { send } from "./scenario.ts";

const infer = "/v2/models/clickwell/infer";
const rows = [row, { ...row, annual_income: null, apr: 3, credit: "unheard of" }];

/** Compresses bytes by gzip, in members of a few bytes each. */
function inMembers(bytes: Uint8Array): Uint8Array {
  const members: number[] = [];
  for (let at = 0; at < bytes.length; at += 20) members.push(...gzipSync(bytes.subarray(at, at + 20)));
  return new Uint8Array(members);
}

function output(...data: number[]) {
  return [{ name: "probability", shape: [data.length], datatype: "FP64", data }];
}

export const inferScenarios: readonly Scenario[] = [
  {
    name: "a tensor per field gets a tensor of probabilities, with the client's id",
    path: infer,
    body: { id: "42", inputs: tensorsOf(rows), outputs: [{ name: "probability" }] },
    status: 200,
    answer: ({ first }) => ({
      model_name: "clickwell",
      model_version: "1",
      id: "42",
      outputs: output(...rows.map((row) => probabilityOf(first, row))),
    }),
  },
  {
    name: "tensors may have a second dimension of 1, and be nested",
    path: infer,
    body: {
      inputs: tensorsOf([row]).map(({ data, ...tensor }) => ({ ...tensor, shape: [1, 1], data: [data] })),
      parameters: { content_type: "pd", anything: 1 },
    },
    status: 200,
    answer: ({ first }) => ({ outputs: output(probabilityOf(first)) }),
  },
  {
    name: "rows may have ids besides their fields",
    path: infer,
    body: { inputs: [{ name: "offer_id", datatype: "INT64", shape: [1], data: [7] }, ...tensorsOf([row])] },
    status: 200,
    answer: ({ first }) => ({ outputs: output(probabilityOf(first)) }),
  },
  {
    name: "one tensor of rows has the fields in their order",
    path: infer,
    body: {
      inputs: [{
        name: "input-0",
        datatype: "FP64",
        shape: [2, 6],
        data: [[15_000, 72_000, 11.5, 0, 0, 12], [15_000, null, 3, 0, 0, 7]],
      }],
    },
    status: 200,
    answer: ({ first }) => {
      const numbers = { ...row, loan_purpose: 0, credit: 0 };
      const other = { ...numbers, annual_income: null, apr: 3, lender_id: 7 };
      return { outputs: output(probabilityOf(first, numbers), probabilityOf(first, other)) };
    },
  },
  {
    name: "tensors may follow the JSON as bytes",
    path: infer,
    ...inferBody(rows, { binary: true }),
    status: 200,
    answer: ({ first }) => ({ outputs: output(...rows.map((row) => probabilityOf(first, row))) }),
  },
  {
    name: "without rows there are no bytes after the JSON",
    path: infer,
    ...inferBody([], { binary: true }),
    status: 200,
    answer: () => ({ outputs: output() }),
  },
  {
    name: "a body may be compressed by gzip",
    path: infer,
    ...compressed(inferBody(rows, { binary: true }), "gzip"),
    status: 200,
    answer: ({ first }) => ({ outputs: output(...rows.map((row) => probabilityOf(first, row))) }),
  },
  {
    name: "a body may be compressed by deflate",
    path: infer,
    ...compressed(inferBody(rows, { binary: false }), "deflate"),
    status: 200,
    answer: ({ first }) => ({ outputs: output(...rows.map((row) => probabilityOf(first, row))) }),
  },
  {
    name: "gzip may have several members",
    path: infer,
    body: inMembers(inferBody(rows, { binary: false }).body),
    headers: { "content-encoding": "gzip" },
    status: 200,
    answer: ({ first }) => ({ outputs: output(...rows.map((row) => probabilityOf(first, row))) }),
  },
  {
    name: "gzip with trailing bytes is malformed",
    path: infer,
    body: new Uint8Array([...gzipSync("{}"), 1, 2, 3]),
    headers: { "content-encoding": "gzip" },
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "truncated gzip is malformed",
    path: infer,
    body: new Uint8Array(gzipSync("{}").subarray(0, 12)),
    headers: { "content-encoding": "gzip" },
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "two content encodings are rejected",
    path: infer,
    body: new Uint8Array(gzipSync(gzipSync("{}"))),
    headers: { "content-encoding": "gzip, gzip" },
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "a body that inflates to more than 6 MiB is too long",
    path: infer,
    ...compressed({ body: new Uint8Array(6 * 1024 * 1024 + 1), headers: {} }, "gzip"),
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "a body that does not inflate is malformed",
    path: infer,
    body: new Uint8Array([1, 2, 3]),
    headers: { "content-encoding": "gzip" },
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "another compression is rejected",
    path: infer,
    body: new Uint8Array([1, 2, 3]),
    headers: { "content-encoding": "br" },
    status: 415,
    problem: "media-type-invalid",
  },
  {
    name: "another version answers by its number",
    path: "/v2/models/clickwell/versions/2/infer",
    body: { inputs: tensorsOf([row]) },
    status: 200,
    answer: ({ second }) => ({ model_version: "2", outputs: output(probabilityOf(second)) }),
  },
  {
    name: "a model answers by an alias",
    path: "/v2/models/challenger/infer",
    body: { inputs: tensorsOf([row]) },
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    answer: ({ second }) => ({ model_name: "challenger", outputs: output(probabilityOf(second)) }),
  },
  {
    name: "an unregistered model answers model-unknown",
    path: "/v2/models/clickwell/versions/3/infer",
    body: { inputs: tensorsOf([row]) },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an unknown output is rejected",
    path: infer,
    body: { inputs: tensorsOf([row]), outputs: [{ name: "logit" }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/outputs/0/name"],
  },
  {
    name: "an unknown input is rejected",
    path: infer,
    body: { inputs: [...tensorsOf([row]), { name: "__proto__", datatype: "FP64", shape: [1], data: [1] }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/6/name"],
  },
  {
    name: "a field without an input is reported with a pointer",
    path: infer,
    body: { inputs: tensorsOf([row]).slice(1) },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/requested"],
  },
  {
    name: "a bad value is reported with a pointer",
    path: infer,
    body: { inputs: tensorsOf([row, { ...row, apr: null }]) },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/2/data/1"],
  },
  {
    name: "a bad value in a tensor of rows is reported with a pointer",
    path: infer,
    body: { inputs: [{ name: "x", datatype: "FP64", shape: [1, 6], data: [1, 2, null, 4, 5, 6] }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/0/data/2"],
  },
  ...([
    ["an input twice", [...tensorsOf([row]), tensorsOf([row])[0]], "#/inputs"],
    [
      "inputs of different lengths",
      [...tensorsOf([row]).slice(1), tensorsOf([row, row])[0]],
      "#/inputs/5/shape",
    ],
    ["a shape that is not that of the data", [{ ...tensorsOf([row])[0], shape: [2] }], "#/inputs/0"],
    ["a shape below 0", [{ ...tensorsOf([row])[0], shape: [-1] }], "#/inputs/0/shape"],
    ["no shape", [{ ...tensorsOf([row])[0], shape: undefined }], "#/inputs/0/shape"],
    ["an unknown datatype", [{ ...tensorsOf([row])[0], datatype: "INT63" }], "#/inputs/0/datatype"],
    ["no name", [{ ...tensorsOf([row])[0], name: 1 }], "#/inputs/0/name"],
    ["no data", [{ ...tensorsOf([row])[0], data: undefined }], "#/inputs/0/data"],
    ["an input that is no object", [1], "#/inputs/0"],
    ["inputs that are no list", {}, "#/inputs"],
  ] as const).map(([what, inputs, pointer]): Scenario => ({
    name: `${what} is rejected`,
    path: infer,
    body: { inputs },
    status: 400,
    problem: "input-invalid",
    pointers: [pointer],
  })),
  {
    name: "an input with fewer bytes than announced is rejected",
    path: infer,
    ...bytesOf({
      inputs: [{ name: "apr", datatype: "FP64", shape: [1], parameters: { binary_data_size: 8 } }],
    }, [1, 2]),
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/0"],
  },
  {
    name: "more bytes than the inputs announce are rejected",
    path: infer,
    ...bytesOf({ inputs: [{ name: "apr", datatype: "FP64", shape: [1], data: [1] }] }, [1, 2]),
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs"],
  },
  {
    name: "a number of bytes that does not match the shape is rejected",
    path: infer,
    ...bytesOf({
      inputs: [{ name: "apr", datatype: "FP64", shape: [2], parameters: { binary_data_size: 2 } }],
    }, [1, 2]),
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/0"],
  },
  {
    name: "a string that ends too early is rejected",
    path: infer,
    ...bytesOf(
      { inputs: [{ name: "credit", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 6 } }] },
      [9, 0, 0, 0, 65, 66],
    ),
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/0"],
  },
  {
    name: "a JSON length beyond the body is malformed",
    path: infer,
    body: new Uint8Array([0x7b, 1, 2]),
    headers: { "inference-header-content-length": "999" },
    status: 400,
    problem: "body-malformed",
  },
  { name: "an empty body is malformed", path: infer, body: "", status: 400, problem: "body-malformed" },
  {
    name: "a number is not a request",
    path: infer,
    body: "5",
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
];

export const inferenceScenarios: readonly Scenario[] = [
  {
    name: "the server lists its extensions",
    path: "/v2",
    status: 200,
    answer: () => ({ name: "clickwell", extensions: ["binary_tensor_data", "model_repository"] }),
  },
  { name: "a slash at the end is the same", path: "/v2/", status: 200 },
  { name: "the server is live", path: "/v2/health/live", status: 200, answer: () => ({ live: true }) },
  {
    name: "readiness has the members of the specification and of KServe",
    path: "/v2/health/ready",
    status: 200,
    answer: () => ({ live: true, ready: true }),
  },
  {
    name: "a draining server is not ready",
    path: "/v2/health/ready",
    given: ({ service }) => {
      service.lifecycle.draining = true;
    },
    status: 503,
    problem: "draining",
  },
  {
    name: "without a model the server is not ready",
    path: "/v2/health/ready",
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "lists the names that requests can use",
    path: "/v2/models",
    status: 200,
    answer: ({ first, second }) => ({ models: ["clickwell", second.id, first.id] }),
  },
  {
    name: "metadata names inputs, outputs and all versions",
    path: "/v2/models/clickwell",
    status: 200,
    answer: () => ({
      name: "clickwell",
      versions: ["1", "2"],
      inputs: [
        { name: "requested", datatype: "FP64", shape: [-1] },
        { name: "annual_income", datatype: "FP64", shape: [-1] },
        { name: "apr", datatype: "FP64", shape: [-1] },
        { name: "loan_purpose", datatype: "BYTES", shape: [-1] },
        { name: "credit", datatype: "BYTES", shape: [-1] },
        { name: "lender_id", datatype: "BYTES", shape: [-1] },
      ],
      outputs: [{ name: "probability", datatype: "FP64", shape: [-1] }],
    }),
  },
  {
    name: "without a store, metadata has the version that answers",
    path: "/v2/models/clickwell",
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 200,
    answer: () => ({ versions: ["1"] }),
  },
  {
    name: "metadata of a version",
    path: "/v2/models/clickwell/versions/2",
    status: 200,
    answer: () => ({ versions: ["2"] }),
    responseHeaders: { "x-model-version": "2" },
  },
  {
    name: "a model is ready",
    path: "/v2/models/clickwell/ready",
    status: 200,
    answer: () => ({ name: "clickwell", ready: true }),
  },
  {
    name: "an unknown model is not ready",
    path: "/v2/models/clickwell/versions/9/ready",
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an unknown path of the protocol has an error in its form",
    path: "/v2/logging",
    status: 404,
    problem: "route-unknown",
  },
];

const index = "/v2/repository/index";
const admin = { authorization: "Bearer t0ken" };

async function unload({ service, second }: ScenarioContext): Promise<void> {
  const path = `/v2/repository/models/${second.id}/unload`;
  assert.equal((await send(service, { method: "POST", path, body: "" })).status, 200);
}

function entry(name: string, version: string, ready = true) {
  return { name, version, state: ready ? "READY" : "UNAVAILABLE", reason: ready ? "" : "unloaded" };
}

export const repositoryScenarios: readonly Scenario[] = [
  {
    name: "the index has every name",
    method: "POST",
    path: index,
    body: "",
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    wholeAnswer: ({ first, second }) => [
      entry("clickwell", "1"),
      entry("challenger", "2"),
      entry(second.id, "2"),
      entry(first.id, "1"),
    ],
  },
  {
    name: "the index of ready models omits unloaded ones",
    method: "POST",
    path: index,
    body: { ready: true },
    given: unload,
    status: 200,
    wholeAnswer: ({ first }) => [entry("clickwell", "1"), entry(first.id, "1")],
  },
  {
    name: "the index marks unloaded models",
    method: "POST",
    path: index,
    body: {},
    given: unload,
    status: 200,
    wholeAnswer: ({ first, second }) => [
      entry("clickwell", "1"),
      entry(second.id, "2", false),
      entry(first.id, "1"),
    ],
  },
  {
    name: "loading a model does not put it in production",
    method: "POST",
    path: "/v2/repository/models/2/load",
    body: {},
    status: 200,
    answer: ({ first, service }) => {
      assert.equal(service.slot.current?.modelId, first.id);
      return { name: "2", load: true };
    },
  },
  {
    name: "loading the model in production succeeds",
    method: "POST",
    path: "/v2/repository/models/clickwell/load",
    body: "",
    status: 200,
    answer: () => ({ name: "clickwell", load: true }),
  },
  {
    name: "an unloaded model does not answer",
    method: "POST",
    path: "/v2/models/2/infer",
    body: { inputs: tensorsOf([row]) },
    given: unload,
    status: 503,
    problem: "model-unloaded",
  },
  {
    name: "an unloaded model is not ready",
    path: "/v2/models/clickwell/versions/2/ready",
    given: unload,
    status: 503,
    problem: "model-unloaded",
  },
  {
    name: "a reloaded model answers again",
    method: "POST",
    path: "/v2/models/2/infer",
    body: { inputs: tensorsOf([row]) },
    async given(context) {
      await unload(context);
      const path = `/v2/repository/models/2/load`;
      assert.equal((await send(context.service, { method: "POST", path, body: "" })).status, 200);
    },
    status: 200,
    answer: ({ second }) => ({ outputs: output(probabilityOf(second)) }),
  },
  {
    name: "an unloaded model answers once it is put in production",
    method: "POST",
    path: "/v2/models/2/infer",
    body: { inputs: tensorsOf([row]) },
    async given(context) {
      await unload(context);
      await context.service.production.assign({ modelId: "2", assignedBy: "test" });
    },
    status: 200,
    answer: ({ second }) => ({ outputs: output(probabilityOf(second)) }),
  },
  ...["clickwell", "1"].map((name): Scenario => ({
    name: "the model in production cannot be unloaded",
    method: "POST",
    path: `/v2/repository/models/${name}/unload`,
    body: {},
    status: 409,
    problem: "model-in-production",
  })),
  {
    name: "an unknown model cannot be loaded",
    method: "POST",
    path: "/v2/repository/models/nowhere/load",
    body: {},
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "a load with files is rejected",
    method: "POST",
    path: "/v2/repository/models/2/load",
    body: { parameters: { "file:1/model.json": "e30=" } },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/parameters/file:1~1model.json"],
  },
  {
    name: "with an admin token set, loading requires it",
    method: "POST",
    path: "/v2/repository/models/2/load",
    body: {},
    options: () => ({ token: "t0ken" }),
    status: 401,
    problem: "unauthorized",
  },
  {
    name: "with the token, loading succeeds",
    method: "POST",
    path: "/v2/repository/models/2/load",
    body: {},
    headers: admin,
    options: () => ({ token: "t0ken" }),
    status: 200,
  },
];
