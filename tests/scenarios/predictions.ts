import { gzipSync } from "node:zlib";
import type { Scenario } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

const { apr: _apr, ...withoutApr } = row;

export const predictions: readonly Scenario[] = [
  {
    name: "a known row gets the model's probability, with model and version",
    path: "/predict",
    body: row,
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), model_id: first.id, version: 1 }),
  },
  {
    name: "a category is its value, however it is spelled",
    path: "/predict",
    body: { ...row, lender_id: "12" },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), unseen: undefined }),
  },
  {
    name: "null is taken where the field may be missing",
    path: "/predict",
    body: { ...row, annual_income: null, credit: null, lender_id: null },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, { ...row, annual_income: null, credit: null, lender_id: null }),
      unseen: undefined,
    }),
  },
  {
    name: "a category that the model does not know is answered and named",
    path: "/predict",
    body: { ...row, lender_id: 99, loan_purpose: "boat" },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, { ...row, lender_id: 99, loan_purpose: "boat" }),
      unseen: ["loan_purpose", "lender_id"],
    }),
  },
  {
    name: "JSON is taken without a content type, and with the one that curl makes up",
    path: "/predict",
    body: row,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 200,
  },
  {
    name: "a missing field is pointed at",
    path: "/predict",
    body: withoutApr,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "null is refused where the field may not be missing",
    path: "/predict",
    body: { ...row, apr: null },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "values of another type are pointed at, all of them",
    path: "/predict",
    body: { ...row, apr: "11.5", requested: true, credit: ["good"], lender_id: {} },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/requested", "#/apr", "#/credit", "#/lender_id"],
  },
  {
    name: "a number that is not finite is pointed at",
    path: "/predict",
    body: JSON.stringify(row).replace("11.5", "1e400"),
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "a category that is a number too large to be one is pointed at",
    path: "/predict",
    body: JSON.stringify(row).replace(":12}", ":-1e400}"),
    status: 422,
    problem: "input-invalid",
    pointers: ["#/lender_id"],
  },
  {
    name: "a field that the model does not have is pointed at",
    path: "/predict",
    body: { ...row, "a/b~c": 1 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/a~1b~0c"],
  },
  {
    name: "a field with the name of something that every object has is a field like any other",
    path: "/predict",
    body: `{"__proto__":1,"constructor":2,${JSON.stringify(row).slice(1)}`,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/__proto__", "#/constructor"],
  },
  {
    name: "values that are too large to be added up are told as such",
    path: "/predict",
    body: row,
    given: ({ service: { slot } }) => {
      if (!slot.current) return;
      const { fields } = slot.current.predictor;
      slot.current = { ...slot.current, predictor: { fields, predict: () => NaN, logit: () => NaN } };
    },
    status: 422,
    problem: "input-invalid",
  },
  {
    name: "an array is no row",
    path: "/predict",
    body: [row],
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "null is no row",
    path: "/predict",
    body: null,
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "a text is no row",
    path: "/predict",
    body: '"row"',
    status: 422,
    problem: "input-invalid",
    pointers: ["#"],
  },
  {
    name: "half of an object is malformed",
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
    name: "a body that is not JSON, and says so, is of the wrong type",
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
    name: "a body with the Content-Encoding identity is what it is",
    path: "/predict",
    body: row,
    headers: { "content-encoding": "identity" },
    status: 200,
  },
  {
    name: "a body of a byte more than 1 MiB is too long",
    path: "/predict",
    body: JSON.stringify(row).padEnd(1024 * 1024 + 1),
    status: 413,
    problem: "body-oversized",
  },
  {
    name: "a body of 1 MiB is not",
    path: "/predict",
    body: JSON.stringify(row).padEnd(1024 * 1024),
    status: 200,
  },
  {
    name: "without a model, a prediction tells how to get one",
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
