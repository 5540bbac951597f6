/** The trace of a request, as its client sent it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The client's span, 16 hexadecimal digits. */
  readonly parentId: string;
}

const version0 = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;
/** Later versions may append fields; the known ones keep their places. */
const laterVersions =
  /^(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/**
 * @returns undefined if the request has no valid `traceparent`.
 * @see W3C Trace Context, section 3.2, traceparent header
 */
export function traceContextOf({ headers }: Request): TraceContext | undefined {
  const header = headers.get("traceparent");
  if (header === null || header.length > 512) return undefined;
  const [, traceId, parentId] = version0.exec(header) ?? laterVersions.exec(header) ?? [];
  return traceId === undefined ? undefined : { traceId, parentId };
}

/** Returns the trace as log fields with the names of OpenTelemetry. */
export function traceFields(
  request: Request,
): { readonly trace_id?: string; readonly parent_span_id?: string } {
  const context = traceContextOf(request);
  return context ? { trace_id: context.traceId, parent_span_id: context.parentId } : {};
}
