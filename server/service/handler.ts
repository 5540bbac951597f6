import { Failure } from "../../pipeline/failure.ts";
import { withJson } from "../http/body.ts";
import { bodyFailure, rejectTwoLengths } from "../http/body_failure.ts";
import { createBufferedTextReader } from "../http/buffered_body.ts";
import { clientOf } from "../http/client_address.ts";
import { problemResponse } from "../http/problem.ts";
import type { RejectionLog } from "../http/rejection_log.ts";
import { createRequestIds, requestIdOf } from "../http/request_id.ts";
import type { RequestLog } from "../http/request_log.ts";
import { createSpanDescriber, type DescribeSpan } from "../http/request_span.ts";
import { checkTarget, pathOf } from "../http/request_target.ts";
import { createHealthCheck, createProtocolCheck, type Route } from "../http/route.ts";
import { compilePattern } from "../http/route_pattern.ts";
import { type Caller, MethodInvalid } from "../http/router.ts";
import { traceFields } from "../http/trace_context.ts";
import type { DurationSampler } from "../metrics/duration_sampler.ts";
import type { RequestCounters, RouteCounter } from "../metrics/request_counters.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import { predictionInit, predictPath } from "../routes/predict.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { predict, predictBodyBytesMax, predictText } from "../scoring/predict.ts";
import type { StoredRows } from "../scoring/stored_rows.ts";
import { createRouteCache } from "./route_cache.ts";

/** Answers a request; never throws or rejects. */
export type Handler = (
  request: Request,
  info: Pick<Deno.ServeHandlerInfo<Deno.NetAddr>, "remoteAddr">,
) => Response | Promise<Response>;

export interface HandlerOptions {
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly rejectionLog: RejectionLog;
  readonly requestCounters: RequestCounters;
  /** Receives every request. With a request log, no request takes the fast path. */
  readonly requestLog?: RequestLog | undefined;
  readonly storedRows: StoredRows;
  /** The whole route table. */
  readonly routes: readonly Route[];
  /** Answers everything except predictions on the fast path. Rejects with any error that a route throws. */
  readonly router: { fetch(request: Request, caller: Caller): Response | Promise<Response> };
}

/** Requests per thread that the router may have in flight. Bodies that are still arriving have their own limits, far below. */
export const inFlightMax = 4096;

/** The function that answers a request, and its counter. On the fast path it is made once per URL, so a request allocates nothing for it. */
interface Work {
  /** Answers a request; may throw or reject with any error. */
  readonly answer: (request: Request, requestId: string) => Response | Promise<Response>;
  readonly counter: Pick<RouteCounter, "count"> & { readonly durations: Pick<DurationSampler, "sample"> };
  /** The route's path, if it is known before the request is answered. */
  readonly path: string | undefined;
  /** Problems are answered in the form of another server's protocol. */
  readonly protocol: boolean;
}

/**
 * Creates the entry point of every request.
 *
 * Predictions take a fast path: no router, no object per request that is not needed, no header that is not required.
 * A URL may take it once `checkTarget` has passed it: an equal text needs no second check.
 */
export function createHandler(options: HandlerOptions): Handler {
  const { lifecycle, requestLog } = options;
  const requestIds = createRequestIds();
  const reporting: Reporting = { fail: createFail(options), describeSpan: createSpanDescriber() };
  const answerWith = createAnswerWith(lifecycle, reporting);
  const findFastPath = createFastPathFinder(options);
  const fastPaths = createRouteCache<Work>();
  const routedWork = createRoutedWork(options, reporting);

  function addFastPath(request: Request): Work | undefined {
    try {
      const work = findFastPath(checkTarget(request));
      return work && fastPaths.add(request.url, work);
    } catch {
      // The router reports what is wrong with the target.
      return undefined;
    }
  }

  return (request, info) => {
    if (request.method === "POST" && !requestLog) {
      const work = fastPaths.get(request.url) ?? addFastPath(request);
      if (work) return answerWith(work, request, requestIds.next());
    }
    const client = clientOf(request, info.remoteAddr.hostname);
    const requestId = requestIdOf(request) ?? requestIds.next();
    return answerWith(routedWork(request, { requestId, client }), request, requestId);
  };
}

interface Reporting {
  /** Logs an error and answers it with a problem. */
  readonly fail: (error: unknown, request: Request, requestId: string, protocol: boolean) => Response;
  readonly describeSpan: DescribeSpan | undefined;
}

function createFail({ slot, rejectionLog }: HandlerOptions): Reporting["fail"] {
  return (error, request, requestId, protocol) => {
    rejectionLog.record(error, { request_id: requestId, ...traceFields(request) });
    const headers: Record<string, string> = commonHeaders(slot, requestId);
    if (error instanceof MethodInvalid) headers.allow = error.allow;
    if (error instanceof Failure && error.kind === "unauthorized") headers["www-authenticate"] = "Bearer";
    return problemResponse(error, requestId, { headers, protocol });
  };
}

/** A request that is not answered yet. */
interface Pending {
  readonly work: Work;
  readonly request: Request;
  readonly requestId: string;
  /** The sample weight; 0 if the request is not timed. */
  readonly weight: number;
  readonly startedAt: number;
}

/** @returns The only function that answers, times and counts requests: synchronously if their work is. */
function createAnswerWith(
  lifecycle: Lifecycle,
  { fail, describeSpan }: Reporting,
): (work: Work, request: Request, requestId: string) => Response | Promise<Response> {
  async function answerLater(answer: Promise<Response>, pending: Pending): Promise<Response> {
    const { work, request, requestId, weight, startedAt } = pending;
    lifecycle.inFlight++;
    let response: Response;
    try {
      response = await answer;
    } catch (error) {
      response = fail(bodyFailure(error, request, work.protocol), request, requestId, work.protocol);
    }
    lifecycle.inFlight--;
    work.counter.count(response.status, weight, startedAt);
    return response;
  }

  return (work, request, requestId) => {
    const { counter, path } = work;
    const weight = counter.durations.sample();
    const startedAt = weight > 0 ? performance.now() : 0;
    if (describeSpan && path !== undefined) describeSpan("POST", path, requestId);
    let response: Response;
    try {
      const answer = work.answer(request, requestId);
      if (answer instanceof Promise) {
        return answerLater(answer, { work, request, requestId, weight, startedAt });
      }
      response = answer;
    } catch (error) {
      response = fail(bodyFailure(error, request, work.protocol), request, requestId, work.protocol);
    }
    counter.count(response.status, weight, startedAt);
    return response;
  };
}

/** @returns A function that finds the work of a target that `checkTarget` has passed; undefined if no fast path has it. */
function createFastPathFinder(options: HandlerOptions): (target: string) => Work | undefined {
  const { requestCounters, routes } = options;
  const prediction = predictionWork(options);
  const patterns = routes.filter(({ fastPath }) => fastPath)
    .map((route) => ({ route, pattern: compilePattern(route.path) }));
  return (target) => {
    // A prediction with a query, which may ask for more, is left to the router.
    if (target === predictPath) return prediction;
    const path = pathOf(target);
    for (const { route, pattern } of patterns) {
      const parameters = pattern.match(path);
      if (!parameters) continue;
      return {
        answer: (request, requestId) => route.handle({ request, requestId, client: "", parameters }),
        counter: requestCounters.forRoute(route.path, "POST"),
        path: route.path,
        protocol: route.protocol ?? false,
      };
    }
    return undefined;
  };
}

function predictionWork({ slot, storedRows, requestCounters }: HandlerOptions): Work {
  const readBufferedText = createBufferedTextReader();
  const toResponse = (json: string) => new Response(json, predictionInit);
  const respond = (json: string | Promise<string>) =>
    typeof json === "string" ? toResponse(json) : json.then(toResponse);
  return {
    answer(request, requestId) {
      const text = readBufferedText(request, predictBodyBytesMax);
      if (text !== undefined) return respond(predictText(slot, text, requestId, storedRows));
      // The body is still arriving.
      return withJson(
        request,
        { bytesMax: predictBodyBytesMax },
        (body) => respond(predict(slot, body, requestId, storedRows)),
        slot.current?.predictText && ((bytes) => respond(predictText(slot, bytes, requestId, storedRows))),
      );
    },
    counter: requestCounters.forRoute(predictPath, "POST"),
    path: predictPath,
    protocol: false,
  };
}

const everyRequest: Pick<DurationSampler, "sample"> = { sample: () => 1 };

/** @returns A function that makes the work of one request for the router, which never rejects. */
function createRoutedWork(
  { slot, lifecycle, requestCounters, requestLog, routes, router }: HandlerOptions,
  { fail, describeSpan }: Reporting,
): (request: Request, caller: Caller) => Work {
  const isProtocol = createProtocolCheck(routes);
  const isHealth = createHealthCheck(routes);

  async function answer(request: Request, caller: Caller): Promise<Response> {
    let protocol = false;
    try {
      protocol = isProtocol(pathOf(checkTarget(request, isHealth)));
      rejectTwoLengths(request.headers);
      if (request.method !== "GET") requireCapacity(lifecycle);
      const response = await router.fetch(request, caller);
      for (const [name, value] of Object.entries(commonHeaders(slot, caller.requestId))) {
        // Headers of the route take precedence: the model of a batch or of a named model, what a page may load.
        if (!response.headers.has(name)) response.headers.set(name, value);
      }
      return response;
    } catch (error) {
      return fail(error, request, caller.requestId, protocol);
    }
  }

  return (request, caller) => ({
    answer: () => answer(request, caller),
    counter: {
      durations: everyRequest,
      count(status, _, startedAt) {
        const durationMs = performance.now() - startedAt;
        const { route, requestId } = caller;
        if (route !== undefined) describeSpan?.(request.method, route, requestId);
        requestCounters.count(route, request.method, status, durationMs / 1000);
        requestLog?.({ request, ...caller, status, durationMs });
      },
    },
    path: undefined,
    protocol: false,
  });
}

/** @throws {Failure} `server-busy` */
function requireCapacity({ inFlight }: Lifecycle): void {
  if (inFlight < inFlightMax) return;
  throw new Failure("server-busy", `More than ${inFlightMax} requests wait here: try again in a second.`);
}

/** Headers of every response except those of the fast path, which have the ids in their bodies. */
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
