import assert from "node:assert/strict";
import { exposition, histogramSamples } from "../../../server/metrics/prometheus_text.ts";
import { runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

async function scrape(origin: string): Promise<string> {
  const response = await fetch(`${origin}/metrics`);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return await response.text();
}

/** Returns the value of the only sample with this name and these labels. */
function valueOf(text: string, sample: string): number {
  const lines = text.split("\n").filter((line) => line.startsWith(`${sample} `));
  assert.equal(lines.length, 1, `${sample} in\n${text}`);
  return Number(lines[0].slice(sample.length + 1));
}

Deno.test("exposition: names, labels and values are as Prometheus expects, whatever the name of a feature", () => {
  const text = exposition([
    {
      name: "a_total",
      help: "A\nb\\c.",
      type: "counter",
      samples: [{ labels: { f: 'x"\\\n\ud800' }, value: 3 }],
    },
    { name: "none", help: "Omitted.", type: "gauge", samples: [] },
    {
      name: "h",
      help: "H.",
      type: "histogram",
      samples: histogramSamples({ counts: Float64Array.of(2, 0, 1), sum: 4.5 }, [0.5, 1], { r: "/" }),
    },
  ]);
  assert.equal(
    text,
    `# HELP a_total A\\nb\\\\c.
# TYPE a_total counter
a_total{f="x\\"\\\\\\n\ufffd"} 3
# HELP h H.
# TYPE h histogram
h_bucket{r="/",le="0.5"} 2
h_bucket{r="/",le="1"} 2
h_bucket{r="/",le="+Inf"} 3
h_sum{r="/"} 4.5
h_count{r="/"} 3
`,
  );
});

Deno.test("GET /metrics counts every response by route, method and status, and every prediction by model", async () => {
  await using running = await runServer();
  const { ask, server: { origin }, models: { first, second } } = running;
  for (let i = 0; i < 5; i++) await ask("/predict", row);
  const odd = await ask("/predict", { ...row, lender_id: 99, annual_income: null });
  await ask("/predict", { ...row, apr: "x" });
  await ask("/predict", { apr: 1 });
  await ask("/model", { model_id: second.id });
  const ofSecond = await ask("/predict", row);
  await ask("/model", { model_id: first.id });
  await ask("/predict", row);
  await ask("/nowhere");
  await ask("/model/history");

  const text = await scrape(origin);
  const requests = (route: string, method: string, code: number) =>
    valueOf(text, `clickwell_http_requests_total{route="${route}",method="${method}",code="${code}"}`);
  assert.equal(requests("/predict", "POST", 200), 8);
  assert.equal(requests("/predict", "POST", 422), 2);
  assert.equal(requests("/model", "POST", 200), 2);
  assert.equal(requests("/model/history", "GET", 200), 1);
  assert.equal(requests("none", "GET", 404), 1);
  assert.equal(valueOf(text, 'clickwell_http_request_duration_seconds_count{route="/predict"}'), 10);

  assert.equal(valueOf(text, 'clickwell_predictions_total{model_version="1",role="active"}'), 7);
  assert.equal(valueOf(text, 'clickwell_predictions_total{model_version="2",role="active"}'), 1);
  assert.equal(valueOf(text, 'clickwell_prediction_probability_count{model_version="1"}'), 7);
  const p = Number(ofSecond.json.probability);
  assert.equal(valueOf(text, 'clickwell_prediction_probability_sum{model_version="2"}'), p);
  const bound = (bin: number) =>
    `clickwell_prediction_probability_bucket{model_version="2",le="${bin / 20}"}`;
  assert.equal(valueOf(text, bound(Math.ceil(p * 20))), 1);
  assert.equal(valueOf(text, bound(Math.ceil(p * 20) - 1)), 0);
  assert.deepEqual(odd.json.unseen, ["lender_id"]);
  assert.equal(valueOf(text, 'clickwell_unseen_categories_total{feature="lender_id"}'), 1);
  assert.equal(valueOf(text, 'clickwell_missing_values_total{feature="annual_income"}'), 1);
  assert.equal(valueOf(text, 'clickwell_missing_values_total{feature="requested"}'), 0);

  assert.equal(
    valueOf(text, `clickwell_active_model_info{model_id="${first.id}",model_version="1"}`),
    1,
  );
  assert.equal(valueOf(text, "clickwell_model_trained_timestamp_seconds"), 1);
  assert.ok(valueOf(text, 'clickwell_store_rows{table="leads"}') >= 0);
  assert.ok(valueOf(text, "process_cpu_seconds_total") > 0);
  assert.ok(valueOf(text, "process_resident_memory_bytes") > 1e7);
  assert.ok(Math.abs(valueOf(text, "process_start_time_seconds") - Date.now() / 1000) < 3600);
  assert.match(text, /^clickwell_build_info\{version="\d+\.\d+\.\d+",commit="\w+",deno="[\d.]+"\} 1$/m);
});

Deno.test("GET /metrics answers without a model and without a store", async () => {
  await using running = await runServer({ dataDir: "nowhere" });
  const text = await scrape(running.server.origin);
  assert.doesNotMatch(text, /clickwell_active_model_info|clickwell_store_rows|trained_timestamp/);
  assert.match(text, /^clickwell_build_info/m);
});

const parser = await findParser();
if (!parser) {
  console.log(
    "skipped: /metrics, read by a Prometheus parser: neither promtool nor prometheus_client is installed",
  );
}

Deno.test({
  name: "a Prometheus parser accepts GET /metrics without warnings",
  ignore: !parser,
  async fn() {
    await using running = await runServer();
    for (let i = 0; i < 3; i++) await running.ask("/predict", { ...row, lender_id: i });
    const text = await scrape(running.server.origin);
    const child = new Deno.Command(parser![0], {
      args: parser!.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stderr, stdout } = await child.output();
    const output = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
    assert.equal(code, 0, output);
    assert.equal(output, "");
  },
});

/** Returns a command that reads an exposition and prints nothing if it is well formed. */
async function findParser(): Promise<readonly string[] | undefined> {
  const python = "import sys; from prometheus_client.parser import text_string_to_metric_families as read; " +
    "sys.exit(0 if len(list(read(sys.stdin.read()))) > 8 else 1)";
  for (
    const command of [
      ["promtool", "check", "metrics"],
      ["tests/clients/.venv/bin/python", "-c", python],
    ]
  ) {
    try {
      const probe = command[0] === "promtool" ? ["--version"] : ["-c", "import prometheus_client"];
      const { success } = await new Deno.Command(command[0], { args: probe, stdout: "null", stderr: "null" })
        .output();
      if (success) return command;
    } catch { /* not here */ }
  }
  return undefined;
}
