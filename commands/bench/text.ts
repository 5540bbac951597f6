import type { Speed } from "./measure.ts";

/** The server that was measured, and what made the load. */
export interface Setting {
  /** Number of threads that served. */
  readonly workers: number;
  readonly loadThreads: number;
  /** Number of threads that this machine runs at once. */
  readonly cores: number;
}

/** Describes a speed in one line. */
export function speedLine({ path, rowsPerRequest, connections, ...speed }: Speed): string {
  const rows = rowsPerRequest === 1
    ? ""
    : ` of ${rowsPerRequest.toLocaleString("en")} rows, ${rounded(speed.rowsPerSecond)} rows/s`;
  return `${path.padEnd(15)} ${
    rounded(speed.requestsPerSecond)
  } requests/s${rows}; half of the answers within ` +
    `${milliseconds(speed.p50Ms)}, 99 % within ${milliseconds(speed.p99Ms)}, over ${connections} connections`;
}

/** Says what the speeds mean for a user, one sentence a line. */
export function expectations(
  predict: Speed,
  batch: Speed,
  { workers, loadThreads, cores }: Setting,
): string[] {
  const threads = workers === 1 ? "one thread" : `${workers} threads`;
  const times = batch.rowsPerSecond / predict.rowsPerSecond;
  const advice = times >= 1.2
    ? `Many rows are ${times.toPrecision(2)} times faster in /predict/batch than one by one.`
    : "Many rows are not faster in /predict/batch than one by one.";
  const rest = workers + loadThreads > cores
    ? `The load took part of the ${counted(cores, "core")}: from another machine, expect more.`
    : cores > workers
    ? `The load took the other cores: on all ${cores}, with clients on other machines, expect about ` +
      `${rounded(predict.requestsPerSecond / workers * cores)} requests/s.`
    : "";
  return [
    `With ${threads}, this machine answers at most about ${
      rounded(predict.requestsPerSecond)
    } requests/s of ` +
    `/predict and ${rounded(batch.rowsPerSecond)} rows/s of /predict/batch.`,
    `Plan for half of it, ${
      rounded(predict.requestsPerSecond / 2)
    } requests/s: at full load, requests wait for each other, ` +
    "and the times above are mostly waiting.",
    advice,
    ...rest === "" ? [] : [rest],
    "Measured over loopback: a network adds its own time to each answer. Other programs that run now make it slower.",
  ];
}

/** Rounds to three digits. */
function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en");
}

function milliseconds(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
