/** An OpenTelemetry collector that receives OTLP over HTTP, as JSON, and keeps it. */
export interface OtlpCollector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly OtlpSpan[];
  /** Sum of the counts of a metric's data points, by name. */
  readonly metricCounts: ReadonlyMap<string, number>;
  /** Names of the services that sent data. */
  readonly services: ReadonlySet<string>;
  /** Waits until `holds` returns true. @throws {Error} if it does not within `timeoutMs`. */
  until(holds: () => boolean, timeoutMs?: number): Promise<void>;
}

export interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly attributes: ReadonlyMap<string, unknown>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The parts of an export request that are used. @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
interface ExportRequest {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans:
        readonly (Omit<OtlpSpan, "attributes"> & { readonly attributes: readonly Attribute[] })[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly histogram?: { readonly dataPoints: readonly { readonly count: string }[] };
      }[];
    }[];
  }[];
}

export function openCollector(): OtlpCollector {
  const spans: OtlpSpan[] = [];
  const metricCounts = new Map<string, number>();
  const services = new Set<string>();
  const known = (attributes: readonly Attribute[]) =>
    new Map(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

  function keep({ resourceSpans = [], resourceMetrics = [] }: ExportRequest): void {
    for (const { resource } of [...resourceSpans, ...resourceMetrics]) {
      services.add(String(known(resource.attributes).get("service.name")));
    }
    for (const { scopeSpans } of resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, attributes: known(span.attributes) });
      }
    }
    for (
      const { name, histogram } of resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics).flatMap((m) =>
        m.metrics
      )
    ) {
      const counts = (histogram?.dataPoints ?? []).map(({ count }) => Number(count));
      metricCounts.set(name, counts.reduce((sum, count) => sum + count, 0));
    }
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.headers.get("content-type")?.startsWith("application/json")) keep(await request.json());
    else await request.body?.cancel();
    return Response.json({});
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    spans,
    metricCounts,
    services,
    async until(holds, timeoutMs = 20_000) {
      for (const deadline = performance.now() + timeoutMs; !holds();) {
        if (performance.now() > deadline) {
          throw new Error(`the condition did not hold within ${timeoutMs} ms; got ${JSON.stringify(spans)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}
