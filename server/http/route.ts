import type { Operation } from "./operation.ts";

/** A request on its way through the server. */
export interface RequestContext {
  readonly request: Request;
  readonly requestId: string;
  /** The address that the request came from; empty on the short way, where no route asks. */
  readonly client: string;
  /** Parts of the path that the route gives a name, as `id` in `/models/:id`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One entry of the route table: routing, `Allow`, the token check, `GET /` and the OpenAPI document derive from it. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Segments that start with a colon stand for any; in `/models/:name:predict`, for any followed by `:predict`. */
  readonly path: string;
  readonly summary: string;
  /** It changes the store, and so needs the admin token where there is one. */
  readonly write?: true;
  /** It is of the whole process and not of one of its threads, as every one that writes: the thread that owns the store answers it. */
  readonly primary?: true;
  /** Load balancers ask it: it is answered without a Host header (HTTP/1.0), too. */
  readonly health?: true;
  /** It speaks another server's protocol: problems are told in that one's shape too. */
  readonly protocol?: true;
  readonly operation: Operation;
  /**
   * It reads and answers predictions by `POST`, and takes the short way: its answers say in their bodies which model and
   * which request they are of, for each header costs as much as the prediction.
   */
  readonly fastPath?: true;
  handle(exchange: RequestContext): Response | Promise<Response>;
}

/** True for a route that is answered by the thread that owns the store. */
export function isPrimaryOnly({ write, primary: central }: Route): boolean {
  return write === true || central === true;
}

/** What `Allow` says of a path: HEAD is GET without the body. */
export function allowOf(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
}

/** True for paths below a first segment that foreign routes have, whether there is a route or not. */
export function createProtocolCheck(routes: readonly Route[]): (path: string) => boolean {
  const segmentOf = (path: string) => path.split("/", 2)[1];
  const segments = new Set(
    routes.filter(({ protocol: foreign }) => foreign).map(({ path }) => segmentOf(path)),
  );
  return (path) => segments.has(segmentOf(path));
}

/** True for the paths that load balancers ask. */
export function createHealthCheck(routes: readonly Route[]): (path: string) => boolean {
  const paths = new Set(routes.filter(({ health }) => health).map(({ path }) => path));
  return (path) => paths.has(path);
}

export function jsonResponse(body: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}
