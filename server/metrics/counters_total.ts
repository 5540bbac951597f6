import { mergeSnapshots, type Snapshot } from "./counters_snapshot.ts";

/** Keeps the counts of threads that come and go, so that their sum never goes down. */
export interface MetricsAggregator {
  /** What a thread has counted so far. */
  update(thread: string | number, snapshot: Snapshot): void;
  /** A thread has ended: what it reported last stays in the sum, and another of its name starts from nothing. */
  retire(thread: string | number): void;
  total(): Snapshot;
}

export function createMetricsAggregator(): MetricsAggregator {
  const living = new Map<string | number, Snapshot>();
  let dead = mergeSnapshots([]);
  return {
    update: (thread, snapshot) => void living.set(thread, snapshot),
    retire(thread) {
      const last = living.get(thread);
      if (!last) return;
      dead = mergeSnapshots([dead, last]);
      living.delete(thread);
    },
    total: () => mergeSnapshots([dead, ...living.values()]),
  };
}
