import type { Log } from "../runtime/log.ts";
import { pathOf } from "./request_target.ts";
import { traceFields } from "./trace_context.ts";

/** Which requests are logged, one line each. */
export const requestLogModes = ["none", "errors", "all"] as const;
export type RequestLogMode = typeof requestLogModes[number];

/** A request that has been answered. */
export interface AnsweredRequest {
  readonly request: Request;
  readonly requestId: string;
  readonly client: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Logs a request in one line. */
export type RequestLog = (answered: AnsweredRequest) => void;

/** Lines about rejected requests per window, so that a flood of bad requests cannot fill the disk. */
export const errorsPerWindow = 100;
const windowMs = 1_000;

/**
 * @param now Milliseconds of a monotonic clock.
 * @returns undefined if no request is logged.
 */
export function createRequestLog(
  log: Log,
  mode: RequestLogMode,
  now: () => number = () => performance.now(),
): RequestLog | undefined {
  if (mode === "none") return undefined;
  if (mode === "all") return (answered) => log.info("request", fieldsOf(answered));
  let since = -Infinity;
  let written = 0;
  return (answered) => {
    if (answered.status < 400) return;
    if (now() - since >= windowMs) {
      if (written > errorsPerWindow) {
        log.warn("more requests, not shown", { count: written - errorsPerWindow });
      }
      since = now();
      written = 0;
    }
    if (++written <= errorsPerWindow) log.warn("request", fieldsOf(answered));
  };
}

/** Query and headers are omitted: they may contain private data. */
function fieldsOf({ request, requestId, client, status, durationMs }: AnsweredRequest) {
  const { method, url } = request;
  return {
    method: method.slice(0, 20),
    path: pathOf(url.slice(url.indexOf("/", "https://".length))).slice(0, 200),
    status,
    duration_ms: Math.round(durationMs * 1000) / 1000,
    client,
    request_id: requestId,
    ...traceFields(request),
  };
}
