import { isLoopback } from "../runtime/host.ts";

const address = /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]{2,45})$/;

/**
 * Where a request came from. A proxy on this machine says so by the last entry of X-Forwarded-For, which is its own; what
 * stands before it, and what other machines send, anybody can make up.
 *
 * @param peer The address at the other end of the connection.
 */
export function clientOf({ headers }: Request, peer: string): string {
  if (!isLoopback(peer)) return peer;
  const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return last !== undefined && address.test(last) ? last : peer;
}

/** True where a proxy handed the request on: who sent it is then not on this machine, whatever its connection is. */
export function isForwarded({ headers }: Request): boolean {
  return headers.has("x-forwarded-for") || headers.has("forwarded") || headers.has("via");
}
