import assert from "node:assert/strict";
import type { FailureKind } from "../../pipeline/failure.ts";
import { createLog } from "../../server/runtime/log.ts";
import { problemType } from "../../server/http/problem.ts";
import { createProtocolCheck } from "../../server/http/route.ts";
import { oneAtATime } from "../../server/runtime/time_slices.ts";
import { createService, type Service, type ServiceOptions } from "../../server/service/service.ts";
import { checkAnswer, type OpenapiDocument } from "../support/openapi_document.ts";
import { makeServedModels, type ServedModels } from "../support/served_models.ts";

/** Environment of a scenario, which it may change before its request. */
export interface ScenarioContext extends ServedModels {
  readonly service: Service;
  readonly dispose: (() => void)[];
}

export interface Scenario {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  /** The Host header. */
  readonly host?: string;
  /** Sent as JSON; a string is sent unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: (models: ServedModels) => Partial<ServiceOptions>;
  readonly given?: (context: ScenarioContext) => void | Promise<void>;
  readonly status: number;
  readonly problem?: FailureKind;
  /** The whole body of the answer. */
  readonly text?: string;
  /** The whole answer, as JSON. */
  readonly wholeAnswer?: (context: ScenarioContext) => unknown;
  /** Members that the answer must have; it may have others. */
  readonly answer?: (context: ScenarioContext) => Readonly<Record<string, unknown>>;
  /** Pointers of the bad fields; undefined for an error of a row, which has its own. */
  readonly pointers?: readonly (string | undefined)[];
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

/** Runs a scenario against its own server in memory. */
export async function run(
  scenario: Scenario,
  { withLength }: { readonly withLength: boolean },
): Promise<void> {
  const models = makeServedModels();
  const log: string[] = [];
  const service = createService({
    dataDir: models.dataDir,
    modelsDir: models.modelsDir,
    token: undefined,
    insecure: false,
    log: createLog({ format: "json", level: "debug", write: (line) => log.push(line) }),
    ...scenario.options?.(models),
  });
  const context: ScenarioContext = { ...models, service, dispose: [models.remove] };
  try {
    await service.production.sync();
    if (!service.slot.current) await serveFirst(context);
    await scenario.given?.(context);
    const response = await send(service, scenario, withLength);
    await check(scenario, context, response);
    if (scenario.problem && scenario.path === "/model" && scenario.method === "POST") {
      assert.equal(service.slot.current?.modelId, models.first.id, "the old model goes on answering");
    }
  } finally {
    for (const dispose of context.dispose.toReversed()) dispose();
    service.rejectionLog.flush();
    // Waits for the collection that follows a long body: on Deno 2.7 its timers would count as leaks.
    await oneAtATime(() => {});
  }
}

/** If the scenario's store cannot be read, the model is loaded by another service that can read it. */
async function serveFirst({ service, ...models }: ScenarioContext): Promise<void> {
  const log = createLog({ format: "json", level: "error", write: () => {} });
  const other = createService({ ...models, token: undefined, insecure: false, log });
  await other.production.sync();
  service.slot.current = other.slot.current;
}

type Question = Pick<Scenario, "method" | "path" | "host" | "body" | "headers">;

/** @param withLength Whether to send Content-Length. */
export async function send(
  { handler }: Service,
  { method = "GET", path, host = "127.0.0.1:7999", body, headers = {} }: Question,
  withLength = true,
): Promise<Response> {
  const url = `http://${host}${path}`;
  const sent = typeof body === "string" || body instanceof Uint8Array
    ? body
    : body === undefined
    ? null
    : JSON.stringify(body);
  const request = new Request(url, { method, body: sent as BodyInit | null });
  // Removes the content type that the runtime adds for a string.
  request.headers.delete("content-type");
  request.headers.set("host", host);
  if (sent !== null && withLength) {
    const { byteLength } = typeof sent === "string" ? new TextEncoder().encode(sent) : sent;
    request.headers.set("content-length", String(byteLength));
  }
  for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
  return await handler(request, { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 40_000 } });
}

/** Reads the OpenAPI document that the server returns. */
export async function readDocument(service: Service): Promise<OpenapiDocument> {
  const response = await send(service, { path: "/openapi.json" });
  assert.equal(response.status, 200);
  return await response.json();
}

async function check(scenario: Scenario, context: ScenarioContext, response: Response): Promise<void> {
  const { method, status, problem, answer, pointers, responseHeaders = {} } = scenario;
  const text = await response.text();
  assert.equal(response.status, status, text);
  await checkAnswer(await readDocument(context.service), scenario.method ?? "GET", scenario.path, {
    status,
    contentType: response.headers.get("content-type"),
    text,
  });
  for (const [name, value] of Object.entries(responseHeaders)) {
    assert.equal(response.headers.get(name), value);
  }
  assert.doesNotMatch(text, /secret|\.ts|\.db|\/tmp/, "no path and no stack trace");
  if (method === "HEAD" || status === 304) return assert.equal(text, "");

  if (scenario.text !== undefined) return assert.equal(text, scenario.text);

  const json = JSON.parse(text);
  const isProblem = status >= 400;
  const isForeign = createProtocolCheck(context.service.routes)(scenario.path);
  assert.equal(
    response.headers.get("content-type"),
    isProblem && !isForeign ? "application/problem+json" : "application/json",
  );
  if (isProblem && isForeign) {
    assert.ok(json.error.startsWith(json.detail));
    assert.deepEqual([json.message, typeof json.error_code], [json.error, "string"]);
  }
  assert.match(
    json.request_id ?? json.parameters?.request_id ?? response.headers.get("x-request-id"),
    /^\S+$/,
  );
  if (isProblem) {
    const type = problem === undefined ? "about:blank" : problemType(problem);
    assert.deepEqual([json.type, json.status], [type, status]);
    assert.ok(json.title.length > 0 && json.detail.length > json.title.length / 2);
  }
  if (scenario.wholeAnswer) assert.deepEqual(json, scenario.wholeAnswer(context));
  for (const [name, value] of Object.entries(answer?.(context) ?? {})) {
    assert.deepEqual(json[name], value, name);
  }
  assert.deepEqual(json.errors?.map(({ pointer }: { pointer?: string }) => pointer), pointers);
}
