import { Failure } from "../../pipeline/failure.ts";
import { isHost } from "../runtime/host.ts";

export const targetBytesMax = 2048;

/** Whether a path is one that load balancers ask, of which old ones send no Host. */
export type IsHealth = (path: string) => boolean;

const noHealth: IsHealth = () => false;

/**
 * Checks a request's host and target before anything looks at its path. The runtime puts the Host header before the
 * target and calls that a URL: with `Host: x/admin?`, the path would be what the client put into the header.
 *
 * @param isHealth Paths that are answered without a Host header, too.
 * @returns The target: path and query as they were sent.
 * @throws {Failure} `host-invalid`, `target-oversized`, `target-invalid`
 */
export function checkTarget(request: Request, isHealth: IsHealth = noHealth): string {
  const host = request.headers.get("host");
  if (host === null) {
    const target = targetWithoutHost(request);
    if (target !== undefined && isHealth(pathOf(target))) return target;
  }
  if (host === null || !isHost(host)) {
    const found = host === null ? "missing" : JSON.stringify(host.slice(0, 80));
    throw new Failure(
      "host-invalid",
      `The Host header is ${found}, expected a name or address, with or without a port.`,
    );
  }
  const origin = `http://${host}`;
  // `GET http://elsewhere/ HTTP/1.1` and `CONNECT elsewhere:443` are for proxies, which this is not.
  if (!request.url.startsWith(`${origin}/`)) {
    throw new Failure(
      "target-invalid",
      "The request asks for another host than its Host header: this is no proxy.",
    );
  }
  const target = request.url.slice(origin.length);
  if (target.length > targetBytesMax) {
    throw new Failure(
      "target-oversized",
      `The path and query have ${target.length} characters, expected at most ${targetBytesMax}. Send data in the body.`,
    );
  }
  const path = pathOf(target);
  if (!isCanonical(path)) {
    throw new Failure(
      "target-invalid",
      `The path ${
        JSON.stringify(path.slice(0, 80))
      } is not canonical: send it without //, /./, /../, \\ and %.`,
    );
  }
  return target;
}

/** Without a Host header (HTTP/1.0), the runtime puts the address in its place at which it listens. */
function targetWithoutHost({ method, url }: Request): string | undefined {
  return method === "GET" || method === "HEAD" ? /^https?:\/\/[^/?#]*(\/[^#]*)$/.exec(url)?.[1] : undefined;
}

export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/**
 * True where a path has no second spelling, so that a proxy before this server reads it as it is read here. No path of
 * this server needs an escape (RFC 3986, section 3.3, `pchar` without them).
 */
function isCanonical(path: string): boolean {
  return /^[A-Za-z0-9._~!$&'()*+,;=:@/-]+$/.test(path) && !path.includes("//") &&
    !/\/\.\.?(?:\/|$)/.test(path);
}
