import { Failure } from "../pipeline/failure.ts";
import { isHost } from "./host.ts";

export const targetBytesMax = 2048;

/**
 * Checks a request's host and target before anything looks at its path. The runtime puts the Host header before the
 * target and calls that a URL: with `Host: x/admin?`, the path would be what the client put into the header.
 *
 * @returns The target: path and query as they were sent.
 * @throws {Failure} `host-invalid`, `target-oversized`, `target-invalid`
 */
export function checkTarget(request: Request): string {
  const host = request.headers.get("host");
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
