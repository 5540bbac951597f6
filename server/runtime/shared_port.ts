import { addressUnusable } from "./listener.ts";

/**
 * Why threads cannot share a port here; undefined where they can.
 *
 * Only Linux shares connections out to all who listen on a port: elsewhere the last one gets them all, or the second one is
 * refused. And a runtime that was not told to offer `reusePort` ends the process that asks for it; what it was told shows in
 * another function that comes with it.
 */
export function sharingFault(os: string = Deno.build.os, runtime: object = Deno): string | undefined {
  if (os !== "linux") return `${os} does not share connections out to threads that listen on one port`;
  return "listenDatagram" in runtime ? undefined : "this Deno was started without --unstable-net";
}

/**
 * A port that threads share can be joined by other processes too. Whoever is there already is found by asking for the port
 * alone.
 *
 * @throws {Failure} `address-unusable`
 */
export function requireFreePort(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): void {
  // The system finds one that nobody has.
  if (port === 0) return;
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw addressUnusable(hostname, port, error);
  }
}
