import type { Route } from "../http/route.ts";
import { pathOf } from "../http/request_target.ts";

/** The route of a request, with the parts of its path that the route gives a name. */
export interface Found {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** URLs that may take the short way. */
export interface RouteCache {
  /** What an equal text was found to be before. */
  get(url: string): Found | undefined;
  /**
   * Finds the route of a target that `checkTarget` has passed, and remembers it by its URL.
   *
   * @returns undefined where no route of the short way has this path.
   */
  add(url: string, target: string): Found | undefined;
}

/** Clients of one server spell its name in few ways; who spells it in many is looked at each time. */
const urlsMax = 64;

/** @param routes All of the table: those with `short` are found here, by `POST`. */
export function createRouteCache(routes: readonly Route[]): RouteCache {
  const patterns = routes.filter(({ fastPath: short }) => short).map((route) => ({
    route,
    pattern: patternOf(route),
  }));
  const known = new Map<string, Found>();
  return {
    get: (url) => known.get(url),
    add(url, target) {
      const path = pathOf(target);
      for (const { route, pattern } of patterns) {
        const match = pattern.exec(path);
        if (!match) continue;
        const found = { route, parameters: { ...match.groups } };
        if (known.size < urlsMax) known.set(url, found);
        return found;
      }
      return undefined;
    },
  };
}

/** `/models/:name:predict` as a regular expression. */
function patternOf({ path }: Route): RegExp {
  const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/(?<=\/):(\w+)/g, "(?<$1>[^/:]+)")}$`);
}
