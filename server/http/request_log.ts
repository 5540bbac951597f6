import type { Log } from "../runtime/log.ts";
import { pathOf } from "./request_target.ts";
import { traceFields } from "./trace_context.ts";

/** Which requests get a line of their own. */
export const requestLogModes = ["none", "errors", "all"] as const;
export type RequestLogMode = typeof requestLogModes[number];

/** One request and what became of it. */
export interface Answered {
  readonly request: Request;
  readonly requestId: string;
  readonly client: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Writes a line per request. */
export type RequestLog = (answered: Answered) => void;

/** Lines about refused requests per window: whoever sends many of them does not get to fill the disk. */
export const errorsPerWindow = 100;
const windowMs = 1_000;

/**
 * @param now Milliseconds of a clock that only goes forward.
 * @returns undefined where no request gets a line.
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

/** Without the query and the headers, which may hold what is nobody's business. */
function fieldsOf({ request, requestId, client, status, durationMs }: Answered) {
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
