import { Failure } from "../pipeline/failure.ts";
import { type Caller, MethodInvalid } from "./app.ts";
import { bodyFailure, readJson } from "./body.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { predict, predictBodyBytesMax } from "./predict.ts";
import { predictionInit, predictPath } from "./predict_route.ts";
import { createKnownUrls, type Found } from "./known_urls.ts";
import { problemResponse } from "./problem.ts";
import type { Refusals } from "./refusals.ts";
import { createRequestIds, requestIdOf } from "./request_id.ts";
import { createForeignCheck, type Route } from "./route.ts";
import type { ModelSlot } from "./serving_model.ts";
import type { StoredRows } from "./stored_rows.ts";
import { checkTarget, pathOf } from "./target.ts";
import { createWholeBodyTaker } from "./whole_body.ts";

/** Answers a request; never throws, and never rejects. */
export type Handler = (
  request: Request,
  info: Pick<Deno.ServeHandlerInfo<Deno.NetAddr>, "remoteAddr">,
) => Response | Promise<Response>;

export interface HandlerOptions {
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly refusals: Refusals;
  readonly storedRows: StoredRows;
  /** All of the table. */
  readonly routes: readonly Route[];
  /** Everything but the short way of predictions. Rejects with whatever a route throws. */
  readonly app: { fetch(request: Request, caller: Caller): Response | Promise<Response> };
}

/**
 * The way of every request.
 *
 * Predictions have a short one: no router, no object per request that is not needed, no header that is not asked for.
 * A URL may take it once `checkTarget` has passed it: an equal text then needs no second look.
 */
export function createHandler(
  { slot, lifecycle, refusals, storedRows, routes, app }: HandlerOptions,
): Handler {
  const requestIds = createRequestIds();
  const takeWholeBody = createWholeBodyTaker();
  /** The last URL of predictions that passed. Clients that spell the host otherwise are looked at each time. */
  let knownUrl = "";
  /** The same of foreign protocols. */
  const knownUrls = createKnownUrls(routes);
  const isForeign = createForeignCheck(routes);

  function fail(error: unknown, requestId: string, foreign = false): Response {
    refusals.note(error, requestId);
    const headers: Record<string, string> = commonHeaders(slot, requestId);
    if (error instanceof MethodInvalid) headers.allow = error.allow;
    if (error instanceof Failure && error.kind === "unauthorized") headers["www-authenticate"] = "Bearer";
    return problemResponse(error, requestId, { headers, foreign });
  }

  function answerShort(request: Request, { route, parameters }: Found): Response | Promise<Response> {
    const requestId = requestIds.next();
    try {
      const answer = route.handle({ request, requestId, client: "", parameters });
      return answer instanceof Promise ? awaitShort(answer, requestId, route) : answer;
    } catch (error) {
      return fail(error, requestId, route.foreign);
    }
  }

  async function awaitShort(
    answer: Promise<Response>,
    requestId: string,
    { foreign }: Route,
  ): Promise<Response> {
    lifecycle.inFlight++;
    try {
      return await answer;
    } catch (error) {
      return fail(error, requestId, foreign);
    } finally {
      lifecycle.inFlight--;
    }
  }

  function answerPrediction(request: Request): Response | Promise<Response> {
    const requestId = requestIds.next();
    try {
      const text = takeWholeBody(request, predictBodyBytesMax);
      if (text === undefined) return awaitPrediction(request, requestId);
      const answer = predict(slot, JSON.parse(text), requestId, storedRows);
      if (typeof answer !== "string") return awaitAnswer(answer, request, requestId);
      return new Response(answer, predictionInit);
    } catch (error) {
      return fail(bodyFailure(error, request), requestId);
    }
  }

  /** The same for a body that is still on its way. */
  function awaitPrediction(request: Request, requestId: string): Promise<Response> {
    const answer = readJson(request, predictBodyBytesMax)
      .then((body) => predict(slot, body, requestId, storedRows));
    return awaitAnswer(answer, request, requestId);
  }

  async function awaitAnswer(
    answer: Promise<string>,
    request: Request,
    requestId: string,
  ): Promise<Response> {
    lifecycle.inFlight++;
    try {
      return new Response(await answer, predictionInit);
    } catch (error) {
      return fail(bodyFailure(error, request), requestId);
    } finally {
      lifecycle.inFlight--;
    }
  }

  const answerAny = async (request: Request, info: Parameters<Handler>[1]): Promise<Response> => {
    const requestId = requestIdOf(request) ?? requestIds.next();
    let foreign = false;
    lifecycle.inFlight++;
    try {
      const target = checkTarget(request);
      foreign = isForeign(pathOf(target));
      if (target === predictPath && request.method === "POST") {
        knownUrl = request.url;
        return answerPrediction(request);
      }
      const found = request.method === "POST" ? knownUrls.learn(request.url, target) : undefined;
      if (found) return answerShort(request, found);
      const response = await app.fetch(request, { requestId, client: info.remoteAddr.hostname });
      for (const [name, value] of Object.entries(commonHeaders(slot, requestId))) {
        // A route knows better which model it was: a batch, and what names another one. A page says what it may load.
        if (!response.headers.has(name)) response.headers.set(name, value);
      }
      return response;
    } catch (error) {
      return fail(error, requestId, foreign);
    } finally {
      lifecycle.inFlight--;
    }
  };

  return (request, info) => {
    if (request.method !== "POST") return answerAny(request, info);
    if (request.url === knownUrl) return answerPrediction(request);
    const found = knownUrls.get(request.url);
    return found ? answerShort(request, found) : answerAny(request, info);
  };
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
