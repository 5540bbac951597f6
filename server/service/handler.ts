import { Failure } from "../../pipeline/failure.ts";
import { type Caller, MethodInvalid } from "../http/router.ts";
import { bodyFailure, rejectTwoLengths, withJson } from "../http/body.ts";
import { clientOf } from "../http/client_address.ts";
import { createRouteCache, type Found } from "./route_cache.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { predict, predictBodyBytesMax, predictText } from "../scoring/predict.ts";
import { predictionInit, predictPath } from "../routes/predict.ts";
import { problemResponse } from "../http/problem.ts";
import type { RejectionLog } from "../http/rejection_log.ts";
import { createRequestIds, requestIdOf } from "../http/request_id.ts";
import { createSpanDescriber } from "../http/request_span.ts";
import type { RequestLog } from "../http/request_log.ts";
import { createHealthCheck, createProtocolCheck, type Route } from "../http/route.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { StoredRows } from "../scoring/stored_rows.ts";
import { checkTarget, pathOf } from "../http/request_target.ts";
import { traceFields } from "../http/trace_context.ts";
import type { RequestCounters, RouteCounter } from "../metrics/request_counters.ts";
import { createBufferedTextReader } from "../http/buffered_body.ts";

/** Answers a request; never throws, and never rejects. */
export type Handler = (
  request: Request,
  info: Pick<Deno.ServeHandlerInfo<Deno.NetAddr>, "remoteAddr">,
) => Response | Promise<Response>;

export interface HandlerOptions {
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly rejectionLog: RejectionLog;
  readonly requestCounters: RequestCounters;
  /** Is told of every request, where there is one: then none takes the short way. */
  readonly requestLog?: RequestLog | undefined;
  readonly storedRows: StoredRows;
  /** All of the table. */
  readonly routes: readonly Route[];
  /** Everything but the short way of predictions. Rejects with whatever a route throws. */
  readonly router: { fetch(request: Request, caller: Caller): Response | Promise<Response> };
}

/** Requests of the ordinary way that may be in flight per thread. Bodies on their way have bounds of their own, far below. */
export const inFlightMax = 4096;

/** A request of the short way that is answered later. */
interface Waiting {
  readonly request: Request;
  readonly requestId: string;
  readonly lane: RouteCounter;
  /** Of the stopwatch; 0 where it is not timed. */
  readonly weight: number;
  readonly startedAt: number;
  readonly foreign?: boolean | undefined;
}

/**
 * The way of every request.
 *
 * Predictions have a short one: no router, no object per request that is not needed, no header that is not asked for.
 * A URL may take it once `checkTarget` has passed it: an equal text then needs no second look.
 */
export function createHandler(options: HandlerOptions): Handler {
  const {
    slot,
    lifecycle,
    rejectionLog: refusals,
    requestCounters: traffic,
    requestLog,
    storedRows,
    routes,
    router: app,
  } = options;
  const requestIds = createRequestIds();
  const takeWholeBody = createBufferedTextReader();
  const predictions = traffic.forRoute(predictPath, "POST");
  const describeSpan = createSpanDescriber();
  /** The last URL of predictions that passed. Clients that spell the host otherwise are looked at each time. */
  let knownUrl = "";
  /** The same of foreign protocols. */
  const knownUrls = createRouteCache(routes);
  const isForeign = createProtocolCheck(routes);
  const isHealth = createHealthCheck(routes);

  function fail(error: unknown, requestId: string, request: Request, foreign = false): Response {
    refusals.record(error, { request_id: requestId, ...traceFields(request) });
    const headers: Record<string, string> = commonHeaders(slot, requestId);
    if (error instanceof MethodInvalid) headers.allow = error.allow;
    if (error instanceof Failure && error.kind === "unauthorized") headers["www-authenticate"] = "Bearer";
    return problemResponse(error, requestId, { headers, protocol: foreign });
  }

  function answerPrediction(request: Request): Response | Promise<Response> {
    const weight = predictions.durations.sample();
    const startedAt = weight > 0 ? performance.now() : 0;
    const requestId = requestIds.next();
    if (describeSpan) describeSpan("POST", predictPath, requestId);
    try {
      const text = takeWholeBody(request, predictBodyBytesMax);
      const answer = text === undefined
        ? readAndPredict(request, requestId)
        : predictText(slot, text, requestId, storedRows);
      if (typeof answer !== "string") {
        const written = answer.then((json) => new Response(json, predictionInit));
        return awaitShort(written, { request, requestId, lane: predictions, weight, startedAt });
      }
      predictions.count(200, weight, startedAt);
      return new Response(answer, predictionInit);
    } catch (error) {
      const response = fail(bodyFailure(error, request), requestId, request);
      predictions.count(response.status, weight, startedAt);
      return response;
    }
  }

  /** The same for a body that is still on its way. */
  function readAndPredict(request: Request, requestId: string): Promise<string> {
    return withJson(
      request,
      { bytesMax: predictBodyBytesMax },
      (body) => predict(slot, body, requestId, storedRows),
    );
  }

  function answerShort(request: Request, { route, parameters }: Found): Response | Promise<Response> {
    const lane = traffic.forRoute(route.path, "POST");
    const weight = lane.durations.sample();
    const startedAt = weight > 0 ? performance.now() : 0;
    const requestId = requestIds.next();
    if (describeSpan) describeSpan("POST", route.path, requestId);
    const { protocol: foreign } = route;
    let response: Response;
    try {
      const answer = route.handle({ request, requestId, client: "", parameters });
      if (answer instanceof Promise) {
        return awaitShort(answer, { request, requestId, lane, weight, startedAt, foreign });
      }
      response = answer;
    } catch (error) {
      response = fail(error, requestId, request, foreign);
    }
    lane.count(response.status, weight, startedAt);
    return response;
  }

  async function awaitShort(answer: Promise<Response>, waiting: Waiting): Promise<Response> {
    const { request, requestId, lane, weight, startedAt, foreign } = waiting;
    lifecycle.inFlight++;
    let response: Response;
    try {
      response = await answer;
    } catch (error) {
      response = fail(bodyFailure(error, request, foreign), requestId, request, foreign);
    }
    lifecycle.inFlight--;
    lane.count(response.status, weight, startedAt);
    return response;
  }

  /** True for a prediction whose URL has one spelling; where it has not, the ordinary way says why. */
  function isPrediction(request: Request): boolean {
    if (!request.url.endsWith(predictPath) || targetOf(request) !== predictPath) return false;
    knownUrl = request.url;
    return true;
  }

  function learn(request: Request): Found | undefined {
    const target = targetOf(request);
    return target === undefined ? undefined : knownUrls.add(request.url, target);
  }

  async function answerAny(request: Request, caller: Caller): Promise<Response> {
    let foreign = false;
    try {
      foreign = isForeign(pathOf(checkTarget(request, isHealth)));
      rejectTwoLengths(request.headers);
      if (request.method !== "GET") requireRoom(lifecycle);
      const response = await app.fetch(request, caller);
      for (const [name, value] of Object.entries(commonHeaders(slot, caller.requestId))) {
        // A route knows better which model it was: a batch, and what names another one. A page says what it may load.
        if (!response.headers.has(name)) response.headers.set(name, value);
      }
      return response;
    } catch (error) {
      return fail(error, caller.requestId, request, foreign);
    }
  }

  async function answerCounted(request: Request, peer: string): Promise<Response> {
    const startedAt = performance.now();
    const client = clientOf(request, peer);
    const caller: Caller = { requestId: requestIdOf(request) ?? requestIds.next(), client };
    lifecycle.inFlight++;
    const response = await answerAny(request, caller);
    lifecycle.inFlight--;
    const durationMs = performance.now() - startedAt;
    if (caller.route !== undefined) describeSpan?.(request.method, caller.route, caller.requestId);
    traffic.count(caller.route, request.method, response.status, durationMs / 1000);
    requestLog?.({ request, ...caller, status: response.status, durationMs });
    return response;
  }

  return (request, info) => {
    if (request.method === "POST" && !requestLog) {
      if (request.url === knownUrl || isPrediction(request)) return answerPrediction(request);
      const found = knownUrls.get(request.url) ?? learn(request);
      if (found) return answerShort(request, found);
    }
    return answerCounted(request, info.remoteAddr.hostname);
  };
}

/** @throws {Failure} `server-busy` */
function requireRoom({ inFlight }: Lifecycle): void {
  if (inFlight <= inFlightMax) return;
  throw new Failure("server-busy", `More than ${inFlightMax} requests wait here: try again in a second.`);
}

function targetOf(request: Request): string | undefined {
  try {
    return checkTarget(request);
  } catch {
    return undefined;
  }
}

/** What every response says but a short one, which has the ids in its body. */
function commonHeaders({ current }: ModelSlot, requestId: string): Record<string, string> {
  return {
    "x-request-id": requestId,
    ...(current ? { "x-model-id": current.modelId, "x-model-version": String(current.version) } : {}),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy":
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  };
}
