import { isLoopback } from "../runtime/host.ts";

const address = /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]{2,45})$/;

/**
 * Returns the address of the client. A proxy on this machine appends it to X-Forwarded-For. The entries before the last, and
 * the header of a request from another machine, can be forged.
 *
 * @param peer The address at the other end of the connection.
 */
export function clientOf({ headers }: Request, peer: string): string {
  if (!isLoopback(peer)) return peer;
  const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return last !== undefined && address.test(last) ? last : peer;
}

/** True if a proxy forwarded the request: then the client may be on another machine. */
export function isForwarded({ headers }: Request): boolean {
  return headers.has("x-forwarded-for") || headers.has("forwarded") || headers.has("via");
}
