import { Failure } from "../../pipeline/failure.ts";
import { isHost } from "../runtime/host.ts";

export const targetBytesMax = 2048;

/** True for the paths of health checks: old load balancers send no Host header. */
export type IsHealth = (path: string) => boolean;

const noHealth: IsHealth = () => false;

/**
 * Checks the host and target of a request, before its path is used. The runtime concatenates the Host header and the target
 * to a URL: with `Host: x/admin?`, the path would come from the header.
 *
 * @param isHealth True for paths that need no Host header.
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
      `The Host header is ${found}, expected a name or address, optionally with a port.`,
    );
  }
  const origin = `http://${host}`;
  // `GET http://elsewhere/ HTTP/1.1` and `CONNECT elsewhere:443` are requests to a proxy.
  if (!request.url.startsWith(`${origin}/`)) {
    throw new Failure(
      "target-invalid",
      "The request target has another host than the Host header: this server is not a proxy.",
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

/** Without a Host header (HTTP/1.0), the runtime uses the address of the listener instead. */
function targetWithoutHost({ method, url }: Request): string | undefined {
  return method === "GET" || method === "HEAD" ? /^https?:\/\/[^/?#]*(\/[^#]*)$/.exec(url)?.[1] : undefined;
}

export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/**
 * True for a path with only one spelling, so that a proxy in front of this server cannot read it differently. No path of this
 * server needs a percent escape (RFC 3986, section 3.3, `pchar` without `pct-encoded`).
 */
function isCanonical(path: string): boolean {
  return /^[A-Za-z0-9._~!$&'()*+,;=:@/-]+$/.test(path) && !path.includes("//") &&
    !/\/\.\.?(?:\/|$)/.test(path);
}
