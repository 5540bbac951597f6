/** The trace that a request is part of, as whoever sent it says. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The caller's span, 16 hexadecimal digits. */
  readonly parentId: string;
}

const version0 = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;
/** Later versions may have more at the end; what is known of them is at the same place. */
const laterVersions =
  /^(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/**
 * @returns undefined where the request names none, or not in the form that it has to have.
 * @see W3C Trace Context, section 3.2, traceparent header
 */
export function traceContextOf({ headers }: Request): TraceContext | undefined {
  const header = headers.get("traceparent");
  if (header === null || header.length > 512) return undefined;
  const [, traceId, parentId] = version0.exec(header) ?? laterVersions.exec(header) ?? [];
  return traceId === undefined ? undefined : { traceId, parentId };
}

/** The trace as fields of a line of the log, by the names that OpenTelemetry gives them. */
export function traceFields(
  request: Request,
): { readonly trace_id?: string; readonly parent_span_id?: string } {
  const context = traceContextOf(request);
  return context ? { trace_id: context.traceId, parent_span_id: context.parentId } : {};
}
