import { Hono } from "hono";
import { Failure } from "../../pipeline/failure.ts";
import type { AdminAuth } from "./admin_auth.ts";
import { compilePattern } from "./route_pattern.ts";
import { allowOf, type RequestContext, type Route } from "./route.ts";

/** The caller of a request, which hono passes on to the route. */
export interface Caller extends Pick<RequestContext, "requestId" | "client"> {
  /** The path of the route in the table; set when it is found. */
  route?: string;
}

/** The failure of a path that has only other methods. */
export class MethodInvalid extends Failure {
  constructor(method: string, path: string, readonly allow: string) {
    super("method-invalid", `${path} does not have the method ${method.slice(0, 20)}, expected ${allow}.`);
  }
}

/** Answers a request with its route. */
export type Answer = (route: Route, context: RequestContext) => Response | Promise<Response>;

/** Checks the token, for every route that writes, and answers. */
export function answerAfterCheck(access: AdminAuth): Answer {
  return (route, context) => {
    if (route.write) access.authorizeWrite(context.request, context.client);
    return route.handle(context);
  };
}

/**
 * Creates a router for the table.
 *
 * @returns Its `fetch` rejects with any error that a route throws, and with `route-unknown` and `method-invalid`.
 */
export function createRouter(routes: readonly Route[], answer: Answer): Hono<{ Bindings: Caller }> {
  const app = new Hono<{ Bindings: Caller }>();
  for (const route of routes) {
    const pattern = compilePattern(route.path);
    app.on(route.method, pattern.hono, (context) => {
      const request = context.req.raw;
      const { client, requestId } = context.env;
      context.env.route = route.path;
      return answer(route, { request, requestId, client, parameters: pattern.match(context.req.path) ?? {} });
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = allowOf(routes, path);
    app.all(compilePattern(path).hono, (context) => {
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
