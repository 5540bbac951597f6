import { gzipSync } from "node:zlib";
import type { Scenario } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

const { apr: _apr, ...withoutApr } = row;

export const predictions: readonly Scenario[] = [
  {
    name: "a known row gets the model's probability, and its model and version",
    path: "/predict",
    body: row,
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), model_id: first.id, version: 1 }),
  },
  {
    name: "a category is the same in every spelling",
    path: "/predict",
    body: { ...row, lender_id: "12" },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), unseen: undefined }),
  },
  {
    name: "null is accepted for a nullable field",
    path: "/predict",
    body: { ...row, annual_income: null, credit: null, lender_id: null },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, { ...row, annual_income: null, credit: null, lender_id: null }),
      unseen: undefined,
    }),
  },
  {
    name: "an unknown category is answered and listed as unseen",
    path: "/predict",
    body: { ...row, lender_id: 99, loan_purpose: "boat" },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, { ...row, lender_id: 99, loan_purpose: "boat" }),
      unseen: ["loan_purpose", "lender_id"],
    }),
  },
  {
    name: "JSON is accepted without a content type, and with curl's default",
    path: "/predict",
    body: row,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 200,
  },
  {
    name: "a missing field is reported with a pointer",
    path: "/predict",
    body: withoutApr,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "null is rejected for a field that is not nullable",
    path: "/predict",
    body: { ...row, apr: null },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "all values of the wrong type are reported with pointers",
    path: "/predict",
    body: { ...row, apr: "11.5", requested: true, credit: ["good"], lender_id: {} },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/requested", "#/apr", "#/credit", "#/lender_id"],
  },
  {
    name: "a number that is not finite is reported with a pointer",
    path: "/predict",
    body: JSON.stringify(row).replace("11.5", "1e400"),
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "a number that is too large for a category is reported with a pointer",
    path: "/predict",
    body: JSON.stringify(row).replace(":12}", ":-1e400}"),
    status: 422,
    problem: "input-invalid",
    pointers: ["#/lender_id"],
  },
  {
    name: "a field that the model does not have is reported with a pointer",
    path: "/predict",
    body: { ...row, "a/b~c": 1 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/a~1b~0c"],
  },
  {
    name: "a field named like a property of Object.prototype is an ordinary field",
    path: "/predict",
    body: `{"__proto__":1,"constructor":2,${JSON.stringify(row).slice(1)}`,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/__proto__", "#/constructor"],
  },
  {
    name: "values too large to add up are a problem",
    path: "/predict",
    body: row,
    given: ({ service: { slot } }) => {
      if (!slot.current) return;
      const { fields } = slot.current.predictor;
      slot.current = {
        ...slot.current,
        predictor: { fields, unused: [], predict: () => NaN, logit: () => NaN },
        predictText: undefined,
      };
    },
    status: 422,
    problem: "input-invalid",
  },
  {
    name: "an array is not a row",
    path: "/predict",
    body: [row],
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "null is not a row",
    path: "/predict",
    body: null,
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a string is not a row",
    path: "/predict",
    body: '"row"',
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "half an object is malformed",
    path: "/predict",
    body: '{"apr":11.5',
    headers: { "content-type": "application/json" },
    status: 400,
    problem: "body-malformed",
  },
  { name: "an empty body is malformed", path: "/predict", body: "", status: 400, problem: "body-malformed" },
  {
    name: "brackets nested as deep as a body can be are a row with one bad field",
    path: "/predict",
    body: JSON.stringify(row).replace("11.5", "[".repeat(400_000) + "]".repeat(400_000)),
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "a body with a content type other than JSON is rejected",
    path: "/predict",
    body: "apr=11.5",
    headers: { "content-type": "text/csv" },
    status: 415,
    problem: "media-type-invalid",
  },
  ...["gzip", "GZIP", "deflate", "br", "gzip, gzip", "identity, gzip", "unheard-of"].map((
    encoding,
  ): Scenario => ({
    name: `a body with the Content-Encoding ${encoding} is of the wrong type`,
    path: "/predict",
    body: new Uint8Array(gzipSync(JSON.stringify(row))),
    headers: { "content-encoding": encoding },
    status: 415,
    problem: "media-type-invalid",
  })),
  {
    name: "a body with Content-Encoding: identity is accepted",
    path: "/predict",
    body: row,
    headers: { "content-encoding": "identity" },
    status: 200,
  },
  {
    name: "a body of 1 MiB and one byte is too long",
    path: "/predict",
    body: JSON.stringify(row).padEnd(1024 * 1024 + 1),
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "a body of 1 MiB is accepted",
    path: "/predict",
    body: JSON.stringify(row).padEnd(1024 * 1024),
    status: 200,
  },
  {
    name: "without a model, the problem tells how to get one",
    path: "/predict",
    body: row,
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
    responseHeaders: { "retry-after": "5" },
  },
];
