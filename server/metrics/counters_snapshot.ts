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
  counts: { readonly traffic: RequestCounters; readonly tallies: CountersByVersion },
): Snapshot {
  return { requests: counts.traffic.snapshot(), models: counts.tallies.snapshot() };
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
