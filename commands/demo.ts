import { printableText } from "./cli/printable_text.ts";
import { join } from "node:path";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { openRegistry } from "../pipeline/model/sqlite_registry.ts";
import { openStoreToLoad } from "../pipeline/store/store_to_load.ts";
import type { FeatureRow } from "../pipeline/generate/feature_row.ts";
import { writeText } from "../pipeline/files/written_file.ts";
import { createLog } from "../server/runtime/log.ts";
import { startServer } from "../server/server.ts";
import { command, commonFlags } from "./cli/command.ts";
import { createRecordedClient } from "./demo/recorded_client.ts";
import { type DemoModel, summaryOf, trainBoth } from "./demo/models.ts";
import { drawRows, sendAll } from "./demo/requests.ts";
import { type DemoStage, type DemoTables, loadTables, tablesOf } from "./demo/tables.ts";
import { headOf, nextSteps } from "./demo/text.ts";
import { openRecordingProxy } from "./demo/recording_proxy.ts";

interface Folders {
  readonly data: string;
  readonly models: string;
}

export default command({
  name: "demo",
  summary: "run everything on generated data and record every request and response",
  description: [
    "Generates tables (or takes yours), loads them, trains two models, serves them on a free port, puts each in",
    "production, requests predictions from both, sends invalid requests, and records every request and response.",
    "Afterwards clickwell serve has the trained models. A second run changes only the history of assignments.",
  ].join("\n"),
  flags: {
    leads: { type: "list", value: "FILE", path: "whole", help: "your leads, in place of generated ones" },
    offers: { type: "list", value: "FILE", path: "whole", help: "your offers" },
    clicks: { type: "list", value: "FILE", path: "whole", help: "your clicks" },
    transcript: {
      type: "string",
      value: "FILE",
      path: "whole",
      help: "file for the requests and responses [DATA/demo/transcript.txt]",
    },
    ...commonFlags,
  },
  examples: [
    ["clickwell demo", "on generated tables, in ./data and ./models"],
    [
      "clickwell demo --data mine --models mine/models --leads leads.parquet --offers offers.parquet --clicks clicks.parquet",
      "on your own tables, in a separate folder",
    ],
  ],
  async run({ options, terminal, signal }) {
    const startedAt = performance.now();
    const stage = { terminal, signal };
    const demoFolder = join(options.data, "demo");
    const transcript = options.transcript ?? join(demoFolder, "transcript.txt");
    const tables = await tablesOf(options, demoFolder, stage);
    const { head, models } = await prepare(tables, options, stage);
    const rows = drawRows(models[0].artifact.metadata.encoder);
    const { text, count } = await recordRequests(models, rows, options, stage);
    writeText(transcript, printableText(head + text));
    terminal.say(`transcript  ${count} requests, each with the expected response: ${transcript}`);
    const seconds = (performance.now() - startedAt) / 1000;
    terminal.say(`done in ${seconds.toFixed(1)} s`);
    for (const line of ["", ...nextSteps(rows[0], models[1], options)]) terminal.say(line);
    return {
      transcript,
      requests: count,
      models: models.map(({ artifact, version }) => ({ model_id: artifact.id, version })),
      seconds,
    };
  },
});

/** Loads the tables and trains the two models. */
async function prepare(tables: DemoTables, folders: Folders, stage: DemoStage) {
  const { terminal } = stage;
  const registry = openRegistry(folders.data);
  const store = openStoreToLoad(folders.data, { tables: [] });
  try {
    const report = await loadTables(store, tables, stage);
    const rows = Object.entries(report.tables).map(([name, { read }]) =>
      `${read.toLocaleString("en")} ${name}`
    );
    terminal.say(`store       ${rows.join(", ")} in ${store.path}`);
    const models = await trainBoth(store, { artifacts: openArtifacts(folders), registry }, stage);
    for (const model of models) terminal.say(`model       ${summaryOf(model)}`);
    return { head: headOf(tables, report, models), models };
  } finally {
    store.close();
    await registry.close();
  }
}

/** Serves the models on a free port of loopback, and records the requests and responses. */
async function recordRequests(
  [first, second]: readonly [DemoModel, DemoModel],
  rows: readonly FeatureRow[],
  folders: Folders,
  { terminal, signal }: DemoStage,
): Promise<{ text: string; count: number }> {
  const server = await startServer({
    dataDir: folders.data,
    modelsDir: folders.models,
    hostname: "127.0.0.1",
    port: 0,
    workers: 1,
    token: undefined,
    insecure: false,
    drainDelayMs: 0,
    drainTimeoutMs: 2_000,
    log: createLog({ format: "text", level: "error", write: terminal.say }),
  });
  const proxy = openRecordingProxy(server);
  try {
    const exchanges: string[] = [];
    const client = createRecordedClient(proxy, (text) => exchanges.push(text), signal);
    await sendAll(client, {
      first: first.artifact.id,
      second: second.artifact.id,
      production: server.modelId ?? first.artifact.id,
      encoder: first.artifact.metadata.encoder,
      rows,
    });
    return { text: exchanges.join(""), count: client.count };
  } finally {
    proxy.close();
    await server.stop();
  }
}
