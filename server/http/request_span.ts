/** The part of an OpenTelemetry span that is used here. */
interface Span {
  setAttribute(name: string, value: string): unknown;
  updateName(name: string): unknown;
}

interface Api {
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

/** Sets the name and attributes of the span of the current request. */
export type DescribeSpan = (method: string, route: string, requestId: string) => void;

/**
 * With OTEL_DENO, the runtime opens a span for each request, but without its route, and registers its tracer under the
 * global symbol that all OpenTelemetry packages use. That symbol and the key of the active span are the interface between
 * versions of `@opentelemetry/api`; a dependency on that package is not worth these lines.
 *
 * @returns undefined if OpenTelemetry is off.
 * @see https://github.com/open-telemetry/opentelemetry-js/tree/main/api/src, internal/global-utils.ts and trace/context-utils.ts
 */
export function createSpanDescriber(): DescribeSpan | undefined {
  const api: Api | undefined = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  const context = api?.context;
  if (!context) return undefined;
  const key = Symbol.for("OpenTelemetry Context Key SPAN");
  return (method, route, requestId) => {
    const span = context.active().getValue(key);
    if (!isSpan(span)) return;
    span.updateName(`${method} ${route}`);
    span.setAttribute("http.route", route);
    span.setAttribute("clickwell.request_id", requestId);
  };
}

function isSpan(value: unknown): value is Span {
  return typeof value === "object" && value !== null && "setAttribute" in value && "updateName" in value;
}
