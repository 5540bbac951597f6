import { addHistogram, createHistogram, type Histogram, observe } from "./histogram.ts";
import { increase } from "./prediction_counters.ts";
import { createDurationSampler, durationBounds, type DurationSampler } from "./duration_sampler.ts";

/** What one thread has answered, over all models. */
export interface RequestCounters {
  /** The counts of a route that has the short way: the same for each time that it is asked for. */
  forRoute(route: string, method: string): RouteCounter;
  /**
   * Counts one answer that did not come by the short way.
   *
   * @param route Its path in the table of routes; undefined where there is none.
   */
  count(route: string | undefined, method: string, status: number, seconds: number): void;
  snapshot(): RequestCountersSnapshot;
}

/** Counts the answers of one route, for little. */
export interface RouteCounter {
  readonly durations: DurationSampler;
  /**
   * @param weight What the stopwatch gave the request.
   * @param startedAt Milliseconds of `performance.now()`, where that is not 0.
   */
  count(status: number, weight: number, startedAt: number): void;
}

/** Data only: it can be copied to another thread, and added to others. */
export interface RequestCountersSnapshot {
  /** Answers by `route method status`. */
  readonly requests: Map<string, number>;
  /** Durations in seconds by route, as {@link durationBounds} divides them. */
  readonly durations: Map<string, Histogram>;
}

/** In place of a path that is in no table: clients choose those, and each name costs memory for good. */
const noRoute = "none";
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function createRequestCounters(): RequestCounters {
  const own: RequestCountersSnapshot = { requests: new Map(), durations: new Map() };
  const lanes = new Map<string, RouteCounter & { addTo(sum: RequestCountersSnapshot): void }>();

  const count: RequestCounters["count"] = (route = noRoute, method, status, seconds) => {
    increase(own.requests, requestKey(route, method, status), 1);
    observe(histogramOf(own, route), durationBounds, seconds);
  };
  return {
    count,
    forRoute(route, method) {
      let lane = lanes.get(route);
      if (!lane) lanes.set(route, lane = createLane(route, method));
      return lane;
    },
    snapshot() {
      const sum: RequestCountersSnapshot = { requests: new Map(), durations: new Map() };
      addRequestCounters(sum, own);
      for (const lane of lanes.values()) lane.addTo(sum);
      return sum;
    },
  };
}

function createLane(
  route: string,
  method: string,
): RouteCounter & { addTo(sum: RequestCountersSnapshot): void } {
  const stopwatch = createDurationSampler();
  let answered = 0;
  const others = new Map<number, number>();
  return {
    durations: stopwatch,
    count(status, weight, startedAt) {
      if (status === 200) answered++;
      else others.set(status, (others.get(status) ?? 0) + 1);
      if (weight > 0) stopwatch.record(weight, startedAt);
    },
    addTo(sum) {
      if (answered > 0) increase(sum.requests, requestKey(route, method, 200), answered);
      for (const [status, count] of others) increase(sum.requests, requestKey(route, method, status), count);
      addHistogram(histogramOf(sum, route), stopwatch.histogram);
    },
  };
}

function histogramOf({ durations }: RequestCountersSnapshot, route: string): Histogram {
  let histogram = durations.get(route);
  if (!histogram) durations.set(route, histogram = createHistogram(durationBounds));
  return histogram;
}

function requestKey(route: string, method: string, status: number): string {
  return `${route} ${methods.has(method) ? method : "other"} ${status}`;
}

/** The labels of a key of {@link RequestCountersSnapshot.requests}. */
export function requestLabels(key: string): Readonly<Record<"route" | "method" | "code", string>> {
  const [route, method, code] = key.split(" ");
  return { route, method, code };
}

/** Adds what another thread has counted. */
export function addRequestCounters(into: RequestCountersSnapshot, other: RequestCountersSnapshot): void {
  for (const [key, count] of other.requests) increase(into.requests, key, count);
  for (const [route, histogram] of other.durations) addHistogram(histogramOf(into, route), histogram);
}
