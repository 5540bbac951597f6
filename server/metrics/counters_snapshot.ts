import { addTally, createTally, type Tallies, type Tally } from "./prediction_counters.ts";
import { addTraffic, type Traffic, type TrafficSnapshot } from "./request_counters.ts";

/** What one thread has counted since it started. Data only: it can be copied to another thread. */
export interface Snapshot {
  readonly traffic: TrafficSnapshot;
  /** What each model has answered, by version. */
  readonly models: Map<string, Tally>;
}

export function takeSnapshot(counts: { readonly traffic: Traffic; readonly tallies: Tallies }): Snapshot {
  return { traffic: counts.traffic.snapshot(), models: counts.tallies.snapshot() };
}

/** The sum of what several threads have counted, in whichever order they come. */
export function mergeSnapshots(snapshots: Iterable<Snapshot>): Snapshot {
  const sum: Snapshot = { traffic: { requests: new Map(), durations: new Map() }, models: new Map() };
  for (const { traffic, models } of snapshots) {
    addTraffic(sum.traffic, traffic);
    for (const [version, tally] of models) {
      let ofVersion = sum.models.get(version);
      if (!ofVersion) sum.models.set(version, ofVersion = createTally({ fields: [] }));
      addTally(ofVersion, tally);
    }
  }
  return sum;
}
