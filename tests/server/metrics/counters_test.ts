import assert from "node:assert/strict";
import fc from "fast-check";
import { countOf, createHistogram, observe } from "../../../server/metrics/histogram.ts";
import {
  createMetricsAggregator,
  mergeSnapshots,
  type Snapshot,
  takeSnapshot,
} from "../../../server/metrics/counters_snapshot.ts";
import {
  createDurationSampler,
  timedOneOf,
  timedPerSecond,
} from "../../../server/metrics/duration_sampler.ts";
import {
  countPrediction,
  createCountersByVersion,
  olderVersions,
  versionsMax,
} from "../../../server/metrics/prediction_counters.ts";
import { createRequestCounters } from "../../../server/metrics/request_counters.ts";

const fields = [
  { name: "apr", type: "numeric", nullable: true },
  { name: "credit", type: "categorical", nullable: true },
] as const;

/** One thing that a thread counts. */
const event = fc.oneof(
  fc.record({
    route: fc.constantFrom("/predict", "/model", undefined),
    method: fc.constantFrom("GET", "POST", "BREW"),
    status: fc.constantFrom(200, 404, 503),
    // Sums of these are exact, in whichever order.
    seconds: fc.constantFrom(0.00048828125, 0.25, 16),
  }),
  fc.record({
    version: fc.integer({ min: 1, max: 4 }),
    probability: fc.constantFrom(0, 0.125, 0.5, 1),
    unseen: fc.constantFrom<string[]>([], ["credit"]),
  }),
);
type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never;

function snapshotOf(events: readonly Event[]): Snapshot {
  const traffic = createRequestCounters();
  const tallies = createCountersByVersion();
  for (const one of events) {
    if ("version" in one) {
      const { version, probability, unseen } = one;
      countPrediction(tallies.forModel(version, { fields }), probability, {
        errors: [],
        unseen,
        missing: ["apr"],
        hasOthers: false,
      });
      traffic.forRoute("/predict", "POST").count(200, 0, 0);
    } else {
      traffic.count(one.route, one.method, one.status, one.seconds);
    }
  }
  return takeSnapshot({ requests: traffic, models: tallies });
}

/** In one order, whatever the order in which it was counted. */
function comparable({ requests: traffic, models }: Snapshot) {
  const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => a < b ? -1 : 1);
  return {
    requests: sorted(traffic.requests),
    durations: sorted(traffic.durations).filter(([, histogram]) => countOf(histogram) > 0),
    models: sorted(models),
  };
}

Deno.test("property: what several threads counted, added up, is what one thread would have counted", () => {
  fc.assert(fc.property(fc.array(fc.array(event, { maxLength: 20 }), { maxLength: 4 }), (threads) => {
    const merged = mergeSnapshots(threads.map(snapshotOf));
    assert.deepEqual(comparable(merged), comparable(snapshotOf(threads.flat())));
    const otherWay = mergeSnapshots(threads.toReversed().map(snapshotOf));
    assert.deepEqual(comparable(otherWay), comparable(merged));
  }));
});

Deno.test("property: a snapshot survives the way to another thread, and adding to it changes no thread's own", () => {
  fc.assert(fc.property(fc.array(event), (events) => {
    const own = snapshotOf(events);
    const copy = structuredClone(own);
    mergeSnapshots([copy, copy]);
    assert.deepEqual(comparable(copy), comparable(own));
  }));
});

Deno.test("property: no count goes down, whichever threads die and are replaced", () => {
  const step = fc.record({
    thread: fc.integer({ min: 0, max: 2 }),
    events: fc.array(event),
    dies: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const census = createMetricsAggregator();
    const lives = new Map<number, Event[]>();
    let before = 0;
    for (const { thread, events, dies } of steps) {
      const life = [...lives.get(thread) ?? [], ...events];
      lives.set(thread, life);
      census.update(thread, snapshotOf(life));
      if (dies) {
        census.retire(thread);
        lives.delete(thread);
      }
      const total = requestCount(census.total());
      assert.ok(total >= before);
      before = total;
    }
    assert.equal(before, steps.reduce((sum, { events }) => sum + events.length, 0));
  }));
});

function requestCount({ requests: traffic }: Snapshot): number {
  return [...traffic.requests.values()].reduce((sum, count) => sum + count, 0);
}

Deno.test("a value on a bound belongs to the bin below it", () => {
  const bounds = [1, 2];
  const histogram = createHistogram(bounds);
  for (const value of [0.5, 1, 1.5, 2, 3]) observe(histogram, bounds, value);
  assert.deepEqual([...histogram.counts], [2, 2, 1]);
  assert.equal(histogram.sum, 8);
});

Deno.test("a model that comes back goes on counting where it was", () => {
  const tallies = createCountersByVersion();
  const none = { errors: [], unseen: [], missing: [], hasOthers: false };
  countPrediction(tallies.forModel(1, { fields }), 0.5, none);
  countPrediction(tallies.forModel(2, { fields }), 0.5, none);
  countPrediction(tallies.forModel(1, { fields }), 0.5, none);
  assert.deepEqual([...tallies.snapshot()].map(([version, { predictions }]) => [version, predictions]), [
    ["1", 2],
    ["2", 1],
  ]);
});

Deno.test("a server that has had very many models counts the oldest as one", () => {
  const tallies = createCountersByVersion();
  for (let version = 1; version <= versionsMax + 5; version++) {
    countPrediction(tallies.forModel(version, { fields }), 0.5, {
      errors: [],
      unseen: [],
      missing: ["apr"],
      hasOthers: false,
    });
  }
  const snapshot = tallies.snapshot();
  assert.equal(snapshot.size, versionsMax + 1);
  assert.equal(snapshot.get(olderVersions)?.predictions, 5);
  assert.equal(snapshot.get(olderVersions)?.missing.get("apr"), 5);
});

Deno.test("methods that nobody has are counted as one: clients cannot fill the memory with names", () => {
  const traffic = createRequestCounters();
  for (let i = 0; i < 1000; i++) traffic.count(undefined, `M${i}`, 404, 0);
  assert.deepEqual([...traffic.snapshot().requests], [["none other 404", 1000]]);
});

Deno.test("few requests are all timed; of many, one in sixteen, which stands for the others", () => {
  let now = 1000;
  const stopwatch = createDurationSampler(() => now);
  stopwatch.record(0, now);
  for (let i = 0; i < timedPerSecond; i++) assert.equal(stopwatch.sample(), 1);
  let timed = 0;
  let weights = 0;
  const requests = 160_000;
  for (let i = 0; i < requests; i++) {
    const weight = stopwatch.sample();
    if (weight > 0) timed++;
    weights += weight;
  }
  assert.ok(requests - weights >= 0 && requests - weights < 2 * timedOneOf, `${weights} of ${requests}`);
  assert.ok(Math.abs(timed / (requests / timedOneOf) - 1) < 0.05, `${timed} were timed`);
  now += 1000;
  while (stopwatch.sample() === 0);
  stopwatch.record(1, now);
  while (stopwatch.sample() === 0);
  assert.equal(stopwatch.sample(), 1, "a second later, each is timed again");
});

Deno.test("each request has the same weight, even where clients come in a rhythm", () => {
  const stopwatch = createDurationSampler();
  for (let i = 0; i < timedPerSecond; i++) stopwatch.sample();
  const period = 64;
  const weights = new Float64Array(period);
  const rounds = 40_000;
  for (let i = 0; i < rounds * period; i++) weights[i % period] += stopwatch.sample();
  // Per place in the rhythm: some 2,500 timed requests, whose weights have a standard deviation of 9.
  for (const weight of weights) assert.ok(Math.abs(weight / rounds - 1) < 0.12, `${weight / rounds}`);
});
