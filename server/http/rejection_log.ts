import { Failure } from "../../pipeline/failure.ts";
import type { Log } from "../runtime/log.ts";
import { isBug } from "./problem.ts";

/** Log fields that identify a request. */
export interface RequestOrigin {
  readonly request_id: string;
  readonly trace_id?: string;
  readonly parent_span_id?: string;
}

/** Logs requests that were answered with a problem. */
export type RejectionLog = ReturnType<typeof createRejectionLog>;

const windowMs = 10_000;
const bugsPerWindow = 5;

/**
 * Bad requests are counted and logged in one line per window, with the last one as an example, so that a flood of them
 * cannot fill the disk. Bugs are logged one by one with their cause, up to a maximum per window.
 */
export function createRejectionLog(log: Log) {
  const counts = new Map<string, number>();
  let last: (RequestOrigin & { readonly detail: string }) | undefined;
  let bugs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (counts.size > 0) log.warn("requests refused", { counts: Object.fromEntries(counts), last });
    if (bugs > bugsPerWindow) log.error("more bugs, not shown", { count: bugs - bugsPerWindow });
    counts.clear();
    bugs = 0;
  };
  return {
    /** @param error Any error that was thrown while the request was answered. */
    record(error: unknown, origin: RequestOrigin): void {
      if (timer === undefined) {
        timer = setTimeout(flush, windowMs);
        Deno.unrefTimer(timer);
      }
      if (error instanceof Failure && !isBug(error)) {
        counts.set(error.kind, (counts.get(error.kind) ?? 0) + 1);
        last = { detail: loggedOf(error).slice(0, 500), ...origin };
      } else if (++bugs <= bugsPerWindow) {
        log.error("bug", { ...origin, cause: causeOf(error) });
      }
    },
    /** Writes the counts that are not written yet. */
    flush,
  };
}

/** A key that the store does not have is data of the client, possibly personal data, and must not be logged. */
function loggedOf({ kind, message }: Failure): string {
  return kind === "row-unknown" ? "The store has no row with the key that was sent." : message;
}

function causeOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
