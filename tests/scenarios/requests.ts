import assert from "node:assert/strict";
import { Failure } from "../../pipeline/failure.ts";
import { type Scenario, send } from "./scenario.ts";
import { row } from "../support/served_models.ts";

const token = "t0ken-of-the-admin";
const bearer = { authorization: `Bearer ${token}` };

export const healthScenarios: readonly Scenario[] = [
  { name: "the process is live", path: "/livez", status: 200, answer: () => ({ live: true }) },
  { name: "/healthz is /livez", path: "/healthz", status: 200, answer: () => ({ live: true }) },
  {
    name: "with a model, the server is ready",
    path: "/readyz",
    status: 200,
    answer: ({ first }) => ({ ready: true, model_id: first.id, version: 1 }),
  },
  {
    name: "without a model, the server is live and not ready",
    path: "/readyz",
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "a draining server is not ready",
    path: "/readyz",
    given: ({ service }) => {
      service.lifecycle.draining = true;
    },
    status: 503,
    problem: "draining",
  },
  {
    name: "a thread that missed the last change answers 503, not with the old model",
    method: "POST",
    path: "/predict",
    body: row,
    given: ({ service }) => {
      service.slot.current = undefined;
      service.slot.unavailableReason = new Failure(
        "thread-lost",
        "This thread has missed the last model change.",
      );
    },
    status: 503,
    problem: "thread-lost",
    responseHeaders: { "retry-after": "1" },
  },
  {
    name: "a draining server still predicts",
    method: "POST",
    path: "/predict",
    body: row,
    given: ({ service }) => {
      service.lifecycle.draining = true;
    },
    status: 200,
  },
  {
    name: "the index lists the routes and an example row",
    path: "/",
    status: 200,
    answer: () => ({ name: "clickwell" }),
  },
  {
    name: "the OpenAPI document is served",
    path: "/openapi.json",
    status: 200,
    answer: () => ({ openapi: "3.1.1" }),
  },
  { name: "HEAD is GET", method: "HEAD", path: "/model", status: 200 },
];

export const routeScenarios: readonly Scenario[] = [
  {
    name: "an unknown path answers route-unknown",
    path: "/predictions",
    status: 404,
    problem: "route-unknown",
  },
  {
    name: "a path with an extra slash is another path",
    path: "/model/",
    status: 404,
    problem: "route-unknown",
  },
  {
    name: "an unsupported method is rejected with Allow",
    method: "DELETE",
    path: "/model",
    status: 405,
    problem: "method-invalid",
    responseHeaders: { allow: "GET, HEAD, POST" },
  },
  {
    name: "GET /predict is rejected with Allow: POST",
    path: "/predict",
    status: 405,
    problem: "method-invalid",
    responseHeaders: { allow: "POST" },
  },
  {
    name: "a Host header that would change the path is rejected",
    path: "/livez",
    headers: { host: "x/admin?" },
    status: 400,
    problem: "host-invalid",
  },
  {
    name: "a request target for another host is rejected",
    path: "/livez",
    headers: { host: "elsewhere.example" },
    status: 400,
    problem: "target-invalid",
  },
  {
    name: "a path that is not canonical is rejected",
    path: "//models",
    status: 400,
    problem: "target-invalid",
  },
  {
    name: "beyond the limit of waiting requests, the problem has Retry-After",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    given: ({ service }) => {
      service.lifecycle.inFlight = 10_000;
    },
    status: 503,
    problem: "server-busy",
    responseHeaders: { "retry-after": "1" },
  },
  {
    name: "a target of more than 2,048 characters is too long",
    path: `/models?${"x".repeat(2048)}`,
    status: 414,
    problem: "target-oversized",
  },
];

export const accessScenarios: readonly Scenario[] = [
  {
    name: "a write without the token is not authorized",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    options: () => ({ token }),
    status: 401,
    problem: "unauthorized",
    responseHeaders: { "www-authenticate": "Bearer" },
  },
  {
    name: "a write with a wrong token is not authorized",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { authorization: `Bearer ${token}x` },
    options: () => ({ token }),
    status: 401,
    problem: "unauthorized",
  },
  {
    name: "a write with the token is accepted",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: bearer,
    options: () => ({ token }),
    status: 200,
  },
  {
    name: "reading and predicting require no token",
    path: "/model",
    options: () => ({ token }),
    status: 200,
  },
  {
    name: "after ten wrong tokens in a minute, even the right one is rejected",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: bearer,
    options: () => ({ token }),
    given: async ({ service }) => {
      for (let i = 0; i < 10; i++) {
        const response = await send(service, {
          method: "POST",
          path: "/model",
          body: { model_id: 2 },
          headers: { authorization: `Bearer guess-${i}` },
        });
        assert.equal(response.status, 401);
        await response.body?.cancel();
      }
    },
    status: 429,
    problem: "attempts-exceeded",
    responseHeaders: { "retry-after": "60" },
  },
  {
    name: "without a token, a page of another site cannot write",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { origin: "http://elsewhere.example" },
    status: 403,
    problem: "forbidden",
  },
  {
    name: "without a token, DNS rebinding cannot write",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    host: "elsewhere.example:7999",
    headers: { origin: "http://elsewhere.example:7999" },
    status: 403,
    problem: "forbidden",
  },
  {
    name: "without a token, a proxied request cannot write, even from this machine",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: { "x-forwarded-for": "127.0.0.1" },
    status: 403,
    problem: "forbidden",
  },
  {
    name: "with --insecure, other machines can write",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    host: "serving.example:7999",
    options: () => ({ insecure: true }),
    status: 200,
  },
];
