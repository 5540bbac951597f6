/** A named part with the verb that may follow it, as `:name` or `:name:predict`. */
const namedPart = /(?<=\/):(\w+)(:\w+)?/g;

/** No part of a path contains a colon. */
const part = "[^/:]+";

/** A compiled path of the route table: the router and the fast path match by the same one. @param path A `Route.path`. */
export function compilePattern(path: string) {
  const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll(namedPart, `(?<$1>${part})$2`)}$`);
  return {
    /** The path in hono's syntax. */
    hono: path.replaceAll(namedPart, `:$1{${part}$2}`),
    /** Returns the named parts of a path; undefined if the path does not match. */
    match(path: string): Readonly<Record<string, string>> | undefined {
      const match = pattern.exec(path);
      return match ? { ...match.groups } : undefined;
    },
  };
}
