import { createHistogram, observe } from "./histogram.ts";

/** Upper bounds of the duration buckets, in seconds. */
export const durationBounds: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** The first requests of every second are all timed. */
export const timedPerSecond = 512;
/** Of the other requests, one in this number is timed, on average. */
export const samplingInterval = 16;

/** Times all requests or, under load, a random sample of them. */
export type DurationSampler = ReturnType<typeof createDurationSampler>;

/**
 * Creates a sampler. Reading the clock twice costs some 2 % of a prediction, so under load one request in sixteen is timed.
 * The gap to the next timed request is random: a fixed gap could coincide with a rhythm of the clients. It is drawn before
 * anything of that request is known, and the request has the weight of all requests since the last timed one. So every
 * request has the same weight on average, however long it takes, and the histogram's count stays within one gap of the number
 * of requests.
 *
 * @param now Returns the time in milliseconds.
 */
export function createDurationSampler(now: () => number = () => performance.now()) {
  const histogram = createHistogram(durationBounds);
  let gap = 1;
  let untilNext = 1;
  let timedCount = 0;
  let secondStartedAt = 0;
  return {
    histogram,
    /** Returns the sample weight of this request; 0 means do not time it. */
    sample(): number {
      if (--untilNext > 0) return 0;
      const weight = gap;
      gap = ++timedCount < timedPerSecond ? 1 : 1 + Math.floor(Math.random() * (2 * samplingInterval - 1));
      untilNext = gap;
      return weight;
    },
    /**
     * @param weight The result of `sample`.
     * @param startedAt Milliseconds of `performance.now()`.
     */
    record(weight: number, startedAt: number): void {
      const stoppedAt = now();
      observe(histogram, durationBounds, (stoppedAt - startedAt) / 1000, weight);
      if (stoppedAt - secondStartedAt < 1000) return;
      secondStartedAt = stoppedAt;
      timedCount = 0;
    },
  };
}
