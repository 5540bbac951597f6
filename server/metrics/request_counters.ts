import { addHistogram, createHistogram, type Histogram, observe } from "./histogram.ts";
import { increase } from "./prediction_counters.ts";
import { createDurationSampler, durationBounds, type DurationSampler } from "./duration_sampler.ts";

/** Counts of the requests that one thread has answered. */
export interface RequestCounters {
  /** Returns the counter of a route with a fast path: the same one each time. */
  forRoute(route: string, method: string): RouteCounter;
  /**
   * Counts one response that did not come by the fast path.
   *
   * @param route The route's path in the route table; undefined if no route matched.
   */
  count(route: string | undefined, method: string, status: number, seconds: number): void;
  snapshot(): RequestCountersSnapshot;
}

/** Counts the responses of one route cheaply. */
export interface RouteCounter {
  readonly durations: DurationSampler;
  /**
   * @param weight The sample weight of the request.
   * @param startedAt Milliseconds of `performance.now()`; unused if the weight is 0.
   */
  count(status: number, weight: number, startedAt: number): void;
}

/** Data only: it can be posted to another thread and added to other snapshots. */
export interface RequestCountersSnapshot {
  /** Responses by `route method status`. */
  readonly requests: Map<string, number>;
  /** Durations by route, in seconds, in buckets with {@link durationBounds}. */
  readonly durations: Map<string, Histogram>;
}

/** Replaces paths without a route: clients choose them, and each name would take memory until the process exits. */
const noRoute = "none";
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function createRequestCounters(): RequestCounters {
  const own: RequestCountersSnapshot = { requests: new Map(), durations: new Map() };
  const routeCounters = new Map<string, ReturnType<typeof createRouteCounter>>();

  const count: RequestCounters["count"] = (route = noRoute, method, status, seconds) => {
    increase(own.requests, requestKey(route, method, status), 1);
    observe(histogramOf(own, route), durationBounds, seconds);
  };
  return {
    count,
    forRoute: (route, method) =>
      routeCounters.getOrInsertComputed(route, () => createRouteCounter(route, method)),
    snapshot() {
      const sum: RequestCountersSnapshot = { requests: new Map(), durations: new Map() };
      addRequestCounters(sum, own);
      for (const counter of routeCounters.values()) counter.addTo(sum);
      return sum;
    },
  };
}

function createRouteCounter(
  route: string,
  method: string,
): RouteCounter & { addTo(sum: RequestCountersSnapshot): void } {
  const durations = createDurationSampler();
  let okCount = 0;
  const others = new Map<number, number>();
  return {
    durations,
    count(status, weight, startedAt) {
      if (status === 200) okCount++;
      else others.set(status, (others.get(status) ?? 0) + 1);
      if (weight > 0) durations.record(weight, startedAt);
    },
    addTo(sum) {
      if (okCount > 0) increase(sum.requests, requestKey(route, method, 200), okCount);
      for (const [status, count] of others) increase(sum.requests, requestKey(route, method, status), count);
      addHistogram(histogramOf(sum, route), durations.histogram);
    },
  };
}

function histogramOf({ durations }: RequestCountersSnapshot, route: string): Histogram {
  return durations.getOrInsertComputed(route, () => createHistogram(durationBounds));
}

function requestKey(route: string, method: string, status: number): string {
  return `${route} ${methods.has(method) ? method : "other"} ${status}`;
}

/** Returns the labels of a key of {@link RequestCountersSnapshot.requests}. */
export function requestLabels(key: string): Readonly<Record<"route" | "method" | "code", string>> {
  const [route, method, code] = key.split(" ");
  return { route, method, code };
}

/** Adds the counts of another thread. */
export function addRequestCounters(into: RequestCountersSnapshot, other: RequestCountersSnapshot): void {
  for (const [key, count] of other.requests) increase(into.requests, key, count);
  for (const [route, histogram] of other.durations) addHistogram(histogramOf(into, route), histogram);
}
