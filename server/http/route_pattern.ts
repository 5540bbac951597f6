/** A compiled path of the route table: the router and the fast path match by the same one. */
export interface RoutePattern {
  /** The path in hono's syntax. */
  readonly hono: string;
  /** Returns the named parts of a path; undefined if the path does not match. */
  match(path: string): Readonly<Record<string, string>> | undefined;
}

/** A named part with the verb that may follow it, as `:name` or `:name:predict`. */
const namedPart = /(?<=\/):(\w+)(:\w+)?/g;

/** No part of a path contains a colon. */
const part = "[^/:]+";

/** @param path A `Route.path`. */
export function compilePattern(path: string): RoutePattern {
  const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll(namedPart, `(?<$1>${part})$2`)}$`);
  return {
    hono: path.replaceAll(namedPart, `:$1{${part}$2}`),
    match(path) {
      const match = pattern.exec(path);
      return match ? { ...match.groups } : undefined;
    },
  };
}
