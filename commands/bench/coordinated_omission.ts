/**
 * Adds the times that clients at an even pace would have measured. A connection sends its next request only after an answer: a
 * slow answer delays those that would have been sent while it was awaited, and their times would be missing. Each answer that
 * took at least twice the mean time adds one for each mean time that it took, with what was left to wait. wrk does the same.
 *
 * @param latenciesMs Of requests that were sent by `connections`, each after the answer to the one before.
 * @param durationMs In which they were sent.
 * @see Gil Tene, How NOT to Measure Latency (Strange Loop, 2015): coordinated omission.
 */
export function withOmittedRequests(
  latenciesMs: Float32Array,
  { connections, durationMs }: { readonly connections: number; readonly durationMs: number },
): Float32Array {
  if (latenciesMs.length < connections) return latenciesMs;
  const paceMs = durationMs / (latenciesMs.length / connections);
  const omitted: number[] = [];
  for (const latency of latenciesMs) {
    if (latency < 2 * paceMs) continue;
    for (let left = latency - paceMs; left > paceMs; left -= paceMs) omitted.push(left);
  }
  const all = new Float32Array(latenciesMs.length + omitted.length);
  all.set(latenciesMs);
  all.set(omitted, latenciesMs.length);
  return all;
}
