import type { Operation, OperationSchemas, Tag } from "./operation.ts";

/** A request that is being answered. */
export interface RequestContext {
  readonly request: Request;
  readonly requestId: string;
  /** The address of the client; empty on the fast path, where no route uses it. */
  readonly client: string;
  /** The named parts of the path, as `id` in `/models/:id`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One entry of the route table: routing, `Allow`, the token check, `GET /` and the OpenAPI document derive from it. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** A segment `:name` matches any text, and `:name:predict` any text followed by `:predict`. */
  readonly path: string;
  readonly summary: string;
  /** Changes the store, and so needs the admin token, if the server has one. */
  readonly write?: true;
  /** Answered by the primary thread, as are all routes that write. */
  readonly primary?: true;
  /** A health check: answered without a Host header (HTTP/1.0), too. */
  readonly health?: true;
  /** Speaks the protocol of another server: problems also have the members of that protocol. */
  readonly protocol?: true;
  readonly operation: Operation;
  /**
   * Answers predictions by `POST` on the fast path: model and request id are in the body of the answer, since each header
   * costs as much as the prediction.
   */
  readonly fastPath?: true;
  handle(context: RequestContext): Response | Promise<Response>;
}

interface RouteOptions<Name> extends Omit<Operation, "tag" | "schemas"> {
  readonly summary: string;
  readonly write?: true;
  readonly health?: true;
  readonly fastPath?: true;
  /** Name of the schemas of its bodies. */
  readonly schemas: Name;
}

/** Returns a function that creates routes of one section of the document. @param load Loads the schemas of their bodies. */
export function routesWith<Name extends string>(
  tag: Tag,
  load: () => Promise<Readonly<Record<Name, OperationSchemas>>>,
) {
  return (
    method: Route["method"],
    path: string,
    { id, description, parameters, problems, schemas, ...rest }: RouteOptions<Name>,
    handle: Route["handle"],
  ): Route => {
    const loaded = async () => (await load())[schemas];
    const operation = { id, tag, description, parameters, problems, schemas: loaded };
    return { method, path, ...rest, ...(tag === "protocols" ? { protocol: true } : {}), operation, handle };
  };
}

/** True for a route that the primary thread answers. */
export function isPrimaryOnly({ write, primary }: Route): boolean {
  return write === true || primary === true;
}

/** Returns the `Allow` header of a path. HEAD is GET without the body. */
export function allowOf(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
}

/** @returns A function that is true for paths with the first segment of a protocol route, also if they match no route. */
export function createProtocolCheck(routes: readonly Route[]): (path: string) => boolean {
  const segmentOf = (path: string) => path.split("/", 2)[1];
  const segments = new Set(
    routes.filter(({ protocol }) => protocol).map(({ path }) => segmentOf(path)),
  );
  return (path) => segments.has(segmentOf(path));
}

/** @returns A function that is true for the paths of health checks. */
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
