import assert from "node:assert/strict";
import { join } from "node:path";
import { openCollector } from "../../support/otlp_collector.ts";
import { root } from "../../support/program.ts";
import { startServe, whenReady } from "../../support/serve_process.ts";
import { makeServedModels, row } from "../../support/served_models.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;

/** Path of an executable built by `deno task build --telemetry`. */
const executable = Deno.env.get("CLICKWELL_TELEMETRY");
if (!executable) {
  console.log("skipped: OpenTelemetry in the executable: CLICKWELL_TELEMETRY does not name one");
}

Deno.test("OTEL_DENO: the runtime exports a span per request that continues the caller's trace, and metrics", () =>
  checkExport((flags, env) => startServe(flags, { env: { ...env, OTEL_DENO: "true" } })));

Deno.test({
  name: "an executable built with --telemetry exports the same",
  ignore: !executable,
  fn: () =>
    checkExport((flags, env) => {
      const args = ["serve", "--port", "0", ...flags];
      const child = new Deno.Command(join(root, executable ?? ""), {
        args,
        env,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      return whenReady(child);
    }),
});

async function checkExport(
  start: (flags: readonly string[], env: Record<string, string>) => ReturnType<typeof startServe>,
): Promise<void> {
  const models = makeServedModels();
  await using collector = openCollector();
  const env = {
    OTEL_SERVICE_NAME: "clickwell-of-a-test",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_METRIC_EXPORT_INTERVAL: "300",
    OTEL_BSP_SCHEDULE_DELAY: "200",
  };
  await using serve = await start(["--data", models.dataDir, "--models", models.modelsDir], env);
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(serve.origin + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    }).then((response) => response.json());
  const predicted = await post("/predict", row, { traceparent });
  await post("/model", { model_id: 2 });
  const about = await fetch(`${serve.origin}/models/1`);
  await about.body?.cancel();

  const named = (name: string) => collector.spans.find((span) => span.name === name);
  await collector.until(() => ["POST /predict", "POST /model", "GET /models/:id"].every(named));
  const prediction = named("POST /predict");
  assert.deepEqual([prediction?.traceId, prediction?.parentSpanId], [traceId, traceparent.split("-")[2]]);
  assert.equal(prediction?.attributes.get("http.route"), "/predict");
  assert.equal(prediction?.attributes.get("clickwell.request_id"), predicted.request_id);
  assert.equal(prediction?.attributes.get("http.response.status_code"), "200");
  assert.equal(
    named("GET /models/:id")?.attributes.get("clickwell.request_id"),
    about.headers.get("x-request-id"),
  );

  await collector.until(() => (collector.metricCounts.get("http.server.request.duration") ?? 0) >= 3);
  assert.deepEqual([...collector.services], ["clickwell-of-a-test"]);
  serve.kill("SIGINT");
  assert.equal((await serve.ended()).code, 0);
  models.remove();
}
