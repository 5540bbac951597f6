import { addressUnusable } from "./listener.ts";

/**
 * Returns the reason why threads cannot share a port on this system, or undefined if they can.
 *
 * Only Linux distributes connections over all listeners of a port: elsewhere the last listener gets all of them, or the second
 * one is rejected. A runtime started without `--unstable-net` ends the process that asks for `reusePort`; `listenDatagram`
 * comes with the same flag and shows whether it was given.
 */
export function sharingFault(os: string = Deno.build.os, runtime: object = Deno): string | undefined {
  if (os !== "linux") return `${os} does not distribute connections over threads that listen on one port`;
  return "listenDatagram" in runtime ? undefined : "this Deno was started without --unstable-net";
}

/**
 * Checks that no other process listens on the port. Other processes can join a port that threads share, so it is first bound
 * without sharing.
 *
 * @throws {Failure} `address-unusable`
 */
export function requireFreePort(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): void {
  // The system chooses a free port.
  if (port === 0) return;
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw addressUnusable(hostname, port, error);
  }
}
