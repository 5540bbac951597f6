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

/** What one thread has counted since it started. Data only: it can be copied to another thread. */
export interface Snapshot {
  readonly requests: RequestCountersSnapshot;
  /** What each model has answered, by version. */
  readonly models: Map<string, PredictionCounters>;
}

/** The counters of one worker, and its state. */
export interface WorkerStats {
  readonly inFlight: number;
  readonly snapshot: Snapshot;
  /** It has run out of memory: its results are not to be relied on, and it is to be replaced. */
  readonly outOfMemory: boolean;
}

export function takeSnapshot(
  { requests, models }: { readonly requests: RequestCounters; readonly models: CountersByVersion },
): Snapshot {
  return { requests: requests.snapshot(), models: models.snapshot() };
}

/** The sum of what several threads have counted, in whichever order they come. */
export function mergeSnapshots(snapshots: Iterable<Snapshot>): Snapshot {
  const sum: Snapshot = { requests: { requests: new Map(), durations: new Map() }, models: new Map() };
  for (const { requests: traffic, models } of snapshots) {
    addRequestCounters(sum.requests, traffic);
    for (const [version, tally] of models) {
      let ofVersion = sum.models.get(version);
      if (!ofVersion) sum.models.set(version, ofVersion = createPredictionCounters({ fields: [] }));
      addPredictionCounters(ofVersion, tally);
    }
  }
  return sum;
}

/** Adds up the counts of workers that come and go, so that no total ever decreases. */
export interface MetricsAggregator {
  /** Replaces what a worker has counted so far. */
  update(worker: string | number, snapshot: Snapshot): void;
  /** Retires a worker: its last counts stay in the total, and a later worker of the same name starts from zero. */
  retire(worker: string | number): void;
  total(): Snapshot;
}

export function createMetricsAggregator(): MetricsAggregator {
  const live = new Map<string | number, Snapshot>();
  let retired = mergeSnapshots([]);
  return {
    update: (worker, snapshot) => void live.set(worker, snapshot),
    retire(worker) {
      const last = live.get(worker);
      if (!last) return;
      retired = mergeSnapshots([retired, last]);
      live.delete(worker);
    },
    total: () => mergeSnapshots([retired, ...live.values()]),
  };
}
