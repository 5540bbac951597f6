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
  samplingInterval,
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

/** One event that a thread counts. */
const event = fc.oneof(
  fc.record({
    route: fc.constantFrom("/predict", "/model", undefined),
    method: fc.constantFrom("GET", "POST", "BREW"),
    status: fc.constantFrom(200, 404, 503),
    // Sums of these are exact in every order.
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
  const requests = createRequestCounters();
  const models = createCountersByVersion();
  for (const one of events) {
    if ("version" in one) {
      const { version, probability, unseen } = one;
      countPrediction(models.forModel(version, { fields }), probability, {
        errors: [],
        unseen,
        missing: ["apr"],
      });
      requests.forRoute("/predict", "POST").count(200, 0, 0);
    } else {
      requests.count(one.route, one.method, one.status, one.seconds);
    }
  }
  return takeSnapshot({ requests, models });
}

/** Returns the counts in a fixed order. */
function comparable({ requests, models }: Snapshot) {
  const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => a < b ? -1 : 1);
  return {
    requests: sorted(requests.requests),
    durations: sorted(requests.durations).filter(([, histogram]) => countOf(histogram) > 0),
    models: sorted(models),
  };
}

Deno.test("property: the sum of the counts of several threads is what one thread would have counted", () => {
  fc.assert(fc.property(fc.array(fc.array(event, { maxLength: 20 }), { maxLength: 4 }), (threads) => {
    const merged = mergeSnapshots(threads.map(snapshotOf));
    assert.deepEqual(comparable(merged), comparable(snapshotOf(threads.flat())));
    const otherWay = mergeSnapshots(threads.toReversed().map(snapshotOf));
    assert.deepEqual(comparable(otherWay), comparable(merged));
  }));
});

Deno.test("property: a snapshot can be posted to another thread, and merging the copy does not change the original", () => {
  fc.assert(fc.property(fc.array(event), (events) => {
    const own = snapshotOf(events);
    const copy = structuredClone(own);
    mergeSnapshots([copy, copy]);
    assert.deepEqual(comparable(copy), comparable(own));
  }));
});

Deno.test("property: no count decreases when threads exit and are replaced", () => {
  const step = fc.record({
    thread: fc.integer({ min: 0, max: 2 }),
    events: fc.array(event),
    exits: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const aggregator = createMetricsAggregator();
    const lives = new Map<number, Event[]>();
    let before = 0;
    for (const { thread, events, exits } of steps) {
      const life = [...lives.get(thread) ?? [], ...events];
      lives.set(thread, life);
      aggregator.update(thread, snapshotOf(life));
      if (exits) {
        aggregator.retire(thread);
        lives.delete(thread);
      }
      const total = requestCount(aggregator.total());
      assert.ok(total >= before);
      before = total;
    }
    assert.equal(before, steps.reduce((sum, { events }) => sum + events.length, 0));
  }));
});

function requestCount({ requests }: Snapshot): number {
  return [...requests.requests.values()].reduce((sum, count) => sum + count, 0);
}

Deno.test("a value on a bound belongs to the bin below it", () => {
  const bounds = [1, 2];
  const histogram = createHistogram(bounds);
  for (const value of [0.5, 1, 1.5, 2, 3]) observe(histogram, bounds, value);
  assert.deepEqual([...histogram.counts], [2, 2, 1]);
  assert.equal(histogram.sum, 8);
});

Deno.test("a model that is loaded again continues its counts", () => {
  const counters = createCountersByVersion();
  const none = { errors: [], unseen: [], missing: [] };
  countPrediction(counters.forModel(1, { fields }), 0.5, none);
  countPrediction(counters.forModel(2, { fields }), 0.5, none);
  countPrediction(counters.forModel(1, { fields }), 0.5, none);
  assert.deepEqual([...counters.snapshot()].map(([version, { predictions }]) => [version, predictions]), [
    ["1", 2],
    ["2", 1],
  ]);
});

Deno.test("beyond 100 versions, those loaded first are counted together", () => {
  const counters = createCountersByVersion();
  for (let version = 1; version <= versionsMax + 5; version++) {
    countPrediction(counters.forModel(version, { fields }), 0.5, {
      errors: [],
      unseen: [],
      missing: ["apr"],
    });
  }
  const snapshot = counters.snapshot();
  assert.equal(snapshot.size, versionsMax + 1);
  assert.equal(snapshot.get(olderVersions)?.predictions, 5);
  assert.equal(snapshot.get(olderVersions)?.missing.get("apr"), 5);
});

Deno.test("unknown methods are counted together: clients cannot fill the memory with names", () => {
  const counters = createRequestCounters();
  for (let i = 0; i < 1000; i++) counters.count(undefined, `M${i}`, 404, 0);
  assert.deepEqual([...counters.snapshot().requests], [["none other 404", 1000]]);
});

Deno.test("few requests are all timed; of many, one in sixteen, with the weight of the others", () => {
  let now = 1000;
  const sampler = createDurationSampler(() => now);
  sampler.record(0, now);
  for (let i = 0; i < timedPerSecond; i++) assert.equal(sampler.sample(), 1);
  let timed = 0;
  let weights = 0;
  const requests = 160_000;
  for (let i = 0; i < requests; i++) {
    const weight = sampler.sample();
    if (weight > 0) timed++;
    weights += weight;
  }
  assert.ok(
    requests - weights >= 0 && requests - weights < 2 * samplingInterval,
    `${weights} of ${requests}`,
  );
  assert.ok(Math.abs(timed / (requests / samplingInterval) - 1) < 0.05, `${timed} were timed`);
  now += 1000;
  while (sampler.sample() === 0);
  sampler.record(1, now);
  while (sampler.sample() === 0);
  assert.equal(sampler.sample(), 1, "a second later, each is timed again");
});

Deno.test("each request has the same weight on average, even if clients send in a rhythm", () => {
  const sampler = createDurationSampler();
  for (let i = 0; i < timedPerSecond; i++) sampler.sample();
  const period = 64;
  const weights = new Float64Array(period);
  const rounds = 40_000;
  for (let i = 0; i < rounds * period; i++) weights[i % period] += sampler.sample();
  // Per position in the rhythm: some 2,500 timed requests, whose weights have a standard deviation of 9.
  for (const weight of weights) assert.ok(Math.abs(weight / rounds - 1) < 0.12, `${weight / rounds}`);
});
