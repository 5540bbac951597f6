/** Threads that the machine runs at once, as far as this process may use them. */
export function availableParallelism(): number {
  return Math.max(1, navigator.hardwareConcurrency);
}
