import {
  addPredictionCounters,
  type CountersByVersion,
  createPredictionCounters,
  type PredictionCounters,
} from "./prediction_counters.ts";
import {
  addRequestCounters,
  type RequestCounters,
  type RequestCountersSnapshot,
} from "./request_counters.ts";

/** The counters of one thread since it started. Data only: it can be posted to another thread. */
export interface Snapshot {
  readonly requests: RequestCountersSnapshot;
  /** By model version. */
  readonly models: Map<string, PredictionCounters>;
}

/** Counters and state of one worker. */
export interface WorkerStats {
  readonly inFlight: number;
  readonly snapshot: Snapshot;
  /** The worker ran out of memory: its results are unreliable, and it must be replaced. */
  readonly outOfMemory: boolean;
}

export function takeSnapshot(
  { requests, models }: { readonly requests: RequestCounters; readonly models: CountersByVersion },
): Snapshot {
  return { requests: requests.snapshot(), models: models.snapshot() };
}

/** Returns the sum of the counters of several threads. The order does not matter. */
export function mergeSnapshots(snapshots: Iterable<Snapshot>): Snapshot {
  const sum: Snapshot = { requests: { requests: new Map(), durations: new Map() }, models: new Map() };
  for (const { requests, models } of snapshots) {
    addRequestCounters(sum.requests, requests);
    for (const [version, counters] of models) {
      const ofVersion = sum.models.getOrInsertComputed(
        version,
        () => createPredictionCounters({ fields: [] }),
      );
      addPredictionCounters(ofVersion, counters);
    }
  }
  return sum;
}

/** Adds up the counts of workers that come and go, so that no total ever decreases. */
export type MetricsAggregator = ReturnType<typeof createMetricsAggregator>;

export function createMetricsAggregator() {
  const live = new Map<string | number, Snapshot>();
  let retired = mergeSnapshots([]);
  return {
    /** Replaces what a worker has counted so far. */
    update: (worker: string | number, snapshot: Snapshot) => void live.set(worker, snapshot),
    /** Retires a worker: its last counts stay in the total, and a later worker of the same name starts from zero. */
    retire(worker: string | number): void {
      const last = live.get(worker);
      if (!last) return;
      retired = mergeSnapshots([retired, last]);
      live.delete(worker);
    },
    total: (): Snapshot => mergeSnapshots([retired, ...live.values()]),
  };
}
