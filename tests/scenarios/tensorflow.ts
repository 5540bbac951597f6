import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact } from "../../pipeline/model/artifact.ts";
import { createExplainer } from "../../pipeline/model/explanation.ts";
import { probabilityOf, row } from "../support/served_models.ts";
import { aliasSecond } from "./alias_of.ts";
import type { Scenario } from "./scenario.ts";

const predict = "/v1/models/clickwell:predict";
const other = { ...row, annual_income: null, credit: "unheard of", lender_id: "7" };
const { apr, lender_id, ...lead } = row;

/** Values in the order of the model's fields. */
function valuesOf({ requested, annual_income, apr, loan_purpose, credit, lender_id }: typeof other) {
  return [requested, annual_income, apr, loan_purpose, credit, lender_id];
}

export const verbScenarios: readonly Scenario[] = [
  {
    name: "rows by field get a probability each, and the model's ids",
    path: predict,
    body: { signature_name: "serving_default", instances: [row, other] },
    status: 200,
    answer: ({ first }) => ({
      predictions: [probabilityOf(first), probabilityOf(first, other)],
      model_id: first.id,
      model_version: "1",
    }),
  },
  {
    name: "rows may be lists in the order of the fields",
    path: predict,
    body: { instances: [valuesOf(other)] },
    status: 200,
    answer: ({ first }) => ({ predictions: [probabilityOf(first, other)] }),
  },
  {
    name: "columns get outputs",
    path: predict,
    body: {
      inputs: {
        ...row,
        apr: [11.5, 3],
        ...columns(["requested", "annual_income", "loan_purpose"]),
        ...columns(["credit", "lender_id"]),
      },
    },
    status: 200,
    answer: ({ first }) => ({
      outputs: [probabilityOf(first), probabilityOf(first, { ...row, apr: 3 })],
      predictions: undefined,
    }),
  },
  {
    name: "rows may have ids besides their fields",
    path: predict,
    body: { inputs: { ...row, offer_id: [7], lead_uuid: "l7" } },
    status: 200,
    answer: ({ first }) => ({ outputs: [probabilityOf(first)] }),
  },
  {
    name: "single values are one row, and so are lists of one value",
    path: predict,
    body: { inputs: { ...row, apr: [11.5], requested: [[15_000]], credit: { b64: btoa("good") } } },
    status: 200,
    answer: ({ first }) => ({ outputs: [probabilityOf(first)] }),
  },
  {
    name: "no rows get no predictions",
    path: predict,
    body: { instances: [] },
    status: 200,
    answer: () => ({ predictions: [] }),
  },
  {
    name: "any content type is read as JSON",
    path: predict,
    body: { instances: [row] },
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 200,
  },
  {
    name: "NaN is an unknown value, but not inside a string",
    path: predict,
    body: JSON.stringify({ instances: [{ ...row, credit: 'NaN" \\ -Infinity' }] }).replace("72000", "NaN"),
    status: 200,
    answer: ({ first }) => ({
      predictions: [probabilityOf(first, { ...row, annual_income: null, credit: "?" })],
    }),
  },
  {
    name: "Infinity is too large",
    path: predict,
    body: JSON.stringify({ instances: [row] }).replace("72000", "-Infinity"),
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0/annual_income"],
  },
  {
    name: "a registered model answers by its version, even if not in production",
    path: "/v1/models/clickwell/versions/2:predict",
    body: { instances: [row] },
    status: 200,
    answer: ({ second }) => ({
      predictions: [probabilityOf(second)],
      model_id: second.id,
      model_version: "2",
    }),
  },
  {
    name: "a label is an alias",
    path: "/v1/models/clickwell/labels/challenger:predict",
    body: { instances: [row] },
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    answer: ({ second }) => ({ predictions: [probabilityOf(second)] }),
  },
  {
    name: "a model's name may be an alias",
    path: "/v1/models/challenger:predict",
    body: { instances: [row] },
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    answer: ({ second }) => ({ predictions: [probabilityOf(second)] }),
  },
  {
    name: "an alias has only its own model's version",
    path: "/v1/models/challenger/versions/1:predict",
    body: { instances: [row] },
    given: (context) => aliasSecond(context, "challenger"),
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "an unregistered model answers model-unknown",
    path: "/v1/models/half:predict",
    body: { instances: [row] },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "a version must be a number",
    path: "/v1/models/clickwell/versions/latest:predict",
    body: { instances: [row] },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "a model with changed files does not answer",
    path: "/v1/models/clickwell/versions/2:predict",
    body: { instances: [row] },
    given: ({ modelsDir, second }) => Deno.truncateSync(join(modelsDir, second.id, "weights.bin"), 4),
    status: 409,
    problem: "artifact-corrupt",
  },
  {
    name: "without a store, only the model in production is found",
    path: "/v1/models/clickwell/versions/2:predict",
    body: { instances: [row] },
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 503,
    problem: "store-missing",
  },
  {
    name: "without a model in production, the answer is a problem",
    path: predict,
    body: { instances: [row] },
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
    responseHeaders: { "retry-after": "5" },
  },
  {
    name: "rows and columns together are rejected",
    path: predict,
    body: { instances: [row], inputs: row },
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a body without rows and columns is rejected",
    path: predict,
    body: {},
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "another signature is rejected",
    path: predict,
    body: { signature_name: "other", instances: [row] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/signature_name"],
  },
  {
    name: "bad fields of every row are reported with pointers",
    path: predict,
    body: { instances: [{ ...row, apr: "11.5" }, row, { ...row, colour: 1 }, 5] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0/apr", "#/instances/2/colour", "#/instances/3"],
  },
  {
    name: "a list with the wrong number of values is reported with a pointer",
    path: predict,
    body: { instances: [[1, 2, 3]] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0"],
  },
  {
    name: "bad values in columns are reported with pointers",
    path: predict,
    body: { inputs: { ...row, apr: [null] } },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/apr/0"],
  },
  {
    name: "columns of different lengths are reported with pointers",
    path: predict,
    body: { inputs: { ...row, apr: [1, 2] } },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/apr"],
  },
  {
    name: "a column named like a property of Object.prototype is an ordinary column",
    path: predict,
    body: `{"inputs":{"__proto__":{"apr":1},${JSON.stringify(row).slice(1)}}`,
    status: 400,
    problem: "input-invalid",
    pointers: ["#/inputs/__proto__"],
  },
  {
    name: "brackets nested as deep as a body can be are a bad row",
    path: predict,
    body: `{"instances":[${"[".repeat(400_000)}${"]".repeat(400_000)}]}`,
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0"],
  },
  {
    name: "unclosed quotes take no longer than others",
    path: predict,
    body: `{"instances":NaN,"${'\\"'.repeat(500_000)}`,
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "half an object is malformed",
    path: predict,
    body: '{"instances":[',
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "a list is not a request",
    path: predict,
    body: [row],
    status: 400,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a body of more than 6 MiB is too long",
    path: predict,
    body: JSON.stringify({ instances: [row] }).padEnd(6 * 1024 * 1024 + 1),
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "examples are completed with the context, and take precedence over it",
    path: "/v1/models/clickwell:regress",
    body: { context: { ...lead, apr: 99 }, examples: [{ apr, lender_id }, { apr: 3, lender_id: 7 }] },
    status: 200,
    answer: ({ first }) => ({
      results: [probabilityOf(first), probabilityOf(first, { ...row, apr: 3, lender_id: 7 })],
    }),
  },
  {
    name: "both labels get their probabilities",
    path: "/v1/models/clickwell:classify",
    body: { signature_name: "", examples: [row] },
    status: 200,
    answer: ({ first }) => ({
      results: [[["0", 1 - probabilityOf(first)], ["1", probabilityOf(first)]]],
    }),
  },
  {
    name: "examples of a version",
    path: "/v1/models/clickwell/versions/2:regress",
    body: { examples: [row] },
    status: 200,
    answer: ({ second }) => ({ results: [probabilityOf(second)] }),
  },
  {
    name: "bad fields of examples are reported with pointers",
    path: "/v1/models/clickwell:classify",
    body: { context: lead, examples: [{ apr: {}, lender_id }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/examples/0/apr"],
  },
  {
    name: "a context must be an object",
    path: "/v1/models/clickwell:classify",
    body: { context: [1], examples: [row] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/context"],
  },
  {
    name: "an explanation adds up to the log-odds of the prediction",
    path: "/v1/models/clickwell:explain",
    body: { instances: [row, other] },
    status: 200,
    answer: ({ first }) => ({
      predictions: [probabilityOf(first), probabilityOf(first, other)],
      explanations: [row, other].map((row) => explanationOf(first, row)),
    }),
  },
  {
    name: "a row that cannot be answered cannot be explained",
    path: "/v1/models/clickwell:explain",
    body: { instances: [{ ...row, apr: null }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0/apr"],
  },
  {
    name: "an unknown verb is an unknown path",
    path: "/v1/models/clickwell:generate",
    body: { examples: [row] },
    status: 404,
    problem: "route-unknown",
  },
];

function explanationOf({ metadata }: Artifact, row: Readonly<Record<string, unknown>>) {
  const { logit, intercept, contributions } = createExplainer(metadata)(row);
  assert.ok(Math.abs(intercept + contributions.reduce((sum, part) => sum + part, 0) - logit) < 1e-12);
  const names = metadata.encoder.features.map(({ name }) => name);
  const parts = names.map((name, i) => [name, contributions[i]]);
  return { logit, intercept, contributions: Object.fromEntries(parts) };
}

/** Each value of the row, twice. */
function columns(names: readonly (keyof typeof row)[]) {
  return Object.fromEntries(names.map((name) => [name, [row[name], row[name]]]));
}

export const tensorflowScenarios: readonly Scenario[] = [
  {
    name: "the model's status has the form of TensorFlow Serving and KServe",
    path: "/v1/models/clickwell",
    status: 200,
    answer: () => ({
      name: "clickwell",
      ready: true,
      model_version_status: [{
        version: "1",
        state: "AVAILABLE",
        status: { error_code: "OK", error_message: "" },
      }],
    }),
  },
  {
    name: "the status of another version has that version in its headers",
    path: "/v1/models/clickwell/versions/2",
    status: 200,
    responseHeaders: { "x-model-version": "2" },
  },
  {
    name: "status of an alias",
    path: "/v1/models/clickwell/labels/challenger",
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    responseHeaders: { "x-model-version": "2" },
  },
  {
    name: "status of an unknown model",
    path: "/v1/models/half",
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "lists the names that requests can use",
    path: "/v1/models",
    given: (context) => aliasSecond(context, "challenger"),
    status: 200,
    answer: ({ first, second }) => ({ models: ["clickwell", "challenger", second.id, first.id] }),
  },
  {
    name: "without a store, lists only the model in production",
    path: "/v1/models",
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 200,
    answer: () => ({ models: ["clickwell"] }),
  },
  {
    name: "metadata names inputs and outputs",
    path: "/v1/models/clickwell/metadata",
    status: 200,
    answer: () => ({ model_spec: { name: "clickwell", signature_name: "", version: "1" } }),
  },
  {
    name: "metadata of a version",
    path: "/v1/models/clickwell/versions/2/metadata",
    status: 200,
    answer: () => ({ model_spec: { name: "clickwell", signature_name: "", version: "2" } }),
  },
  {
    name: "a verb requires POST",
    path: predict,
    status: 405,
    problem: "method-invalid",
    responseHeaders: { allow: "POST" },
  },
];
