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
    name: "a server that drains is not ready",
    path: "/readyz",
    given: ({ service }) => {
      service.lifecycle.draining = true;
    },
    status: 503,
    problem: "draining",
  },
  {
    name: "a thread that has not heard of the last change says so, and not what it knew before",
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
    name: "a server that drains still predicts",
    method: "POST",
    path: "/predict",
    body: row,
    given: ({ service }) => {
      service.lifecycle.draining = true;
    },
    status: 200,
  },
  {
    name: "the first page says what is here, and what to try",
    path: "/",
    status: 200,
    answer: () => ({ name: "clickwell" }),
  },
  {
    name: "the interface tells of itself",
    path: "/openapi.json",
    status: 200,
    answer: () => ({ openapi: "3.1.1" }),
  },
  { name: "HEAD is GET", method: "HEAD", path: "/model", status: 200 },
];

export const routeScenarios: readonly Scenario[] = [
  {
    name: "a path that is not there is unknown",
    path: "/predictions",
    status: 404,
    problem: "route-unknown",
  },
  {
    name: "a path with a slash too many is another path",
    path: "/model/",
    status: 404,
    problem: "route-unknown",
  },
  {
    name: "a method that the path does not have is refused with those it has",
    method: "DELETE",
    path: "/model",
    status: 405,
    problem: "method-invalid",
    responseHeaders: { allow: "GET, HEAD, POST" },
  },
  {
    name: "GET /predict tells that it wants POST",
    path: "/predict",
    status: 405,
    problem: "method-invalid",
    responseHeaders: { allow: "POST" },
  },
  {
    name: "a Host header that would change the path is refused",
    path: "/livez",
    headers: { host: "x/admin?" },
    status: 400,
    problem: "host-invalid",
  },
  {
    name: "a request for another host than its Host header is for a proxy",
    path: "/livez",
    headers: { host: "elsewhere.example" },
    status: 400,
    problem: "target-invalid",
  },
  {
    name: "a path with a second spelling is refused",
    path: "//models",
    status: 400,
    problem: "target-invalid",
  },
  {
    name: "where too many requests wait already, one more is told when to try again",
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
    name: "a write with the token is done",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    headers: bearer,
    options: () => ({ token }),
    status: 200,
  },
  {
    name: "reading and predicting need no token",
    path: "/model",
    options: () => ({ token }),
    status: 200,
  },
  {
    name: "after ten wrong tokens in a minute even the right one waits",
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
    name: "without a token, a page whose own name points here cannot write",
    method: "POST",
    path: "/model",
    body: { model_id: 2 },
    host: "elsewhere.example:7999",
    headers: { origin: "http://elsewhere.example:7999" },
    status: 403,
    problem: "forbidden",
  },
  {
    name: "without a token, what a proxy hands on cannot write, even where the proxy is on this machine",
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
