import type { Operation } from "./operation.ts";

/** A request on its way through the server. */
export interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  /** The address that the request came from. */
  readonly client: string;
  /** Parts of the path that the route gives a name, as `id` in `/models/:id`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One entry of the route table: routing, `Allow`, the token check, `GET /` and the OpenAPI document derive from it. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Segments that start with a colon stand for any. */
  readonly path: string;
  readonly summary: string;
  /** It changes the store, and so needs the admin token where there is one. */
  readonly write?: true;
  /** It speaks another server's protocol: problems are told in that one's shape too. */
  readonly foreign?: true;
  readonly operation: Operation;
  handle(exchange: Exchange): Response | Promise<Response>;
}

/** What `Allow` says of a path: HEAD is GET without the body. */
export function allowOf(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
}

export function jsonResponse(body: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}
