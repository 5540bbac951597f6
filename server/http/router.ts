import { Hono } from "hono";
import { Failure } from "../../pipeline/failure.ts";
import type { AdminAuth } from "./admin_auth.ts";
import { allowOf, type RequestContext, type Route } from "./route.ts";

/** What hono hands on to a route beside the request. */
export interface Caller extends Pick<RequestContext, "requestId" | "client"> {
  /** Set when the route is found: its path in the table. */
  route?: string;
}

/** A failure of a path that has other methods. */
export class MethodInvalid extends Failure {
  constructor(method: string, path: string, readonly allow: string) {
    super("method-invalid", `${path} does not have the method ${method.slice(0, 20)}, expected ${allow}.`);
  }
}

/** Answers a request that a route of the table matches. */
export type Answer = (route: Route, exchange: RequestContext) => Response | Promise<Response>;

/** The check for the token stands here, once, for every route that writes. */
export function answerAfterCheck(access: AdminAuth): Answer {
  return (route, exchange) => {
    if (route.write) access.authorizeWrite(exchange.request, exchange.client);
    return route.handle(exchange);
  };
}

/**
 * Routes requests by the table.
 *
 * @returns Its `fetch` rejects with whatever a route throws, and with `route-unknown` and `method-invalid`.
 */
export function createRouter(routes: readonly Route[], answer: Answer): Hono<{ Bindings: Caller }> {
  const app = new Hono<{ Bindings: Caller }>();
  for (const route of routes) {
    app.on(route.method, patternOf(route.path), (context) => {
      const request = context.req.raw;
      const { client, requestId } = context.env;
      context.env.route = route.path;
      return answer(route, {
        request,
        requestId,
        client,
        parameters: parametersOf(context.req.param()),
      });
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = allowOf(routes, path);
    app.all(patternOf(path), (context) => {
      context.env.route = path;
      throw new MethodInvalid(context.req.raw.method, context.req.path, allow);
    });
  }
  app.notFound((context) => {
    throw new Failure(
      "route-unknown",
      `There is nothing at ${JSON.stringify(context.req.path.slice(0, 80))}. GET / shows what there is.`,
    );
  });
  app.onError((error) => {
    throw error;
  });
  return app;
}

/** A path of the table as hono writes it: no part of a path holds a colon, but a verb may follow one. */
function patternOf(path: string): string {
  return path.replaceAll(/(?<=\/):(\w+)(:\w+)?/g, (_, name, verb = "") => `:${name}{[^/:]+${verb}}`);
}

/** Without the verbs. */
function parametersOf(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, value.replace(/:.*/, "")]),
  );
}
