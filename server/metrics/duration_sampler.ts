import { createHistogram, type Histogram, observe } from "./histogram.ts";

/** Upper bounds of the durations that are told apart, in seconds. */
export const durationBounds: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** The first requests of every second are timed one by one. */
export const timedPerSecond = 512;
/** Of the others, one of so many is, on average. */
export const timedOneOf = 16;

/** Times requests, of which there may be more than the clock should be read for. */
export interface DurationSampler {
  readonly histogram: Histogram;
  /** @returns For how many requests this one stands: 0 where it is not to be timed. */
  sample(): number;
  /**
   * @param weight What `weigh` returned.
   * @param startedAt Milliseconds of `performance.now()`.
   */
  record(weight: number, startedAt: number): void;
}

/**
 * To read the clock twice costs some 2 % of a prediction. So under load one request in sixteen is timed, after a gap that
 * is drawn before anything of that request is known: a fixed step could fall in with the clients' own. It then stands for
 * all since the last one that was timed. So each request has the same weight on average, however long it takes, and the
 * histogram's count stays within one gap of the number of requests.
 *
 * @param now Milliseconds of the clock.
 */
export function createDurationSampler(now: () => number = () => performance.now()): DurationSampler {
  const durations = createHistogram(durationBounds);
  let gap = 1;
  let left = 1;
  let timed = 0;
  let secondSince = 0;
  return {
    histogram: durations,
    sample() {
      if (--left > 0) return 0;
      const weight = gap;
      gap = ++timed < timedPerSecond ? 1 : 1 + Math.floor(Math.random() * (2 * timedOneOf - 1));
      left = gap;
      return weight;
    },
    record(weight, startedAt) {
      const stoppedAt = now();
      observe(durations, durationBounds, (stoppedAt - startedAt) / 1000, weight);
      if (stoppedAt - secondSince < 1000) return;
      secondSince = stoppedAt;
      timed = 0;
    },
  };
}
