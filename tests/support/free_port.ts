const [lowest, count] = [20_000, 12_000];

/**
 * Returns a port of this machine on which nothing listens. It is below those that systems give to outgoing connections, so that none of
 * them takes it while its server is stopped.
 */
export function freePort(): number {
  const port = lowest + Math.floor(Math.random() * count);
  try {
    using _ = Deno.listen({ hostname: "127.0.0.1", port });
    return port;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return freePort();
  }
}
