/** Duration of each stage of a training. */
export interface Seconds {
  readonly read: number;
  readonly encode: number;
  readonly fit: number;
  readonly total: number;
}

/** Measures the stages of a training. */
export type StageClock = ReturnType<typeof startClock>;

export function startClock() {
  const start = performance.now();
  const laps = { read: 0, encode: 0, fit: 0 };
  let last = start;
  return {
    /** Ends a stage; the next one begins. */
    lap(name: "read" | "encode" | "fit"): void {
      laps[name] = (performance.now() - last) / 1000;
      last = performance.now();
    },
    seconds: (): Seconds => ({ ...laps, total: (performance.now() - start) / 1000 }),
  };
}
