import { mergeSnapshots, type Snapshot } from "./counters_snapshot.ts";

/** Keeps the counts of threads that come and go, so that their sum never goes down. */
export interface Census {
  /** What a thread has counted so far. */
  report(thread: string | number, snapshot: Snapshot): void;
  /** A thread has ended: what it reported last stays in the sum, and another of its name starts from nothing. */
  bury(thread: string | number): void;
  total(): Snapshot;
}

export function createCensus(): Census {
  const living = new Map<string | number, Snapshot>();
  let dead = mergeSnapshots([]);
  return {
    report: (thread, snapshot) => void living.set(thread, snapshot),
    bury(thread) {
      const last = living.get(thread);
      if (!last) return;
      dead = mergeSnapshots([dead, last]);
      living.delete(thread);
    },
    total: () => mergeSnapshots([dead, ...living.values()]),
  };
}
