import { join } from "node:path";
import { Failure } from "../pipeline/failure.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { availableParallelism } from "../pipeline/runtime/thread_pool.ts";
import { createLog } from "../server/runtime/log.ts";
import { sharingFault } from "../server/runtime/shared_port.ts";
import { registryPatience } from "../server/service/service.ts";
import { startServer } from "../server/server.ts";
import { measure, type Speed } from "./bench/measure.ts";
import { targetsOf } from "./bench/requests.ts";
import { type Folders, generatedOffers, modelInProduction, trainGenerated } from "./bench/subject.ts";
import { expectations, type Setting, speedLine } from "./bench/text.ts";
import { command, commonFlags } from "./cli/command.ts";
import { openRegistryOf, registryFlags, type RegistryOptions, withRegistry } from "./cli/registry_flags.ts";
import type { Terminal } from "./cli/terminal.ts";

interface Load extends Setting {
  readonly connections: number;
  readonly seconds: number;
}

export default command({
  name: "bench",
  summary: "measure how fast this machine predicts",
  description: [
    "Starts a server on a free port of loopback, sends it requests as fast as it answers, and reports requests and rows per",
    "second and the times to an answer of POST /predict and of POST /predict/batch with 1,000 rows. Its model is the one in",
    "production; without one, a model of generated data in a temporary folder, which is removed. The rows are made up: typical",
    "numbers and known categories of the model's fields. Takes about ten seconds, and changes nothing.",
    "",
    "The load needs cores, too: by default half of them serve and the others make the load. The numbers are those of wrk with",
    "the same connections.",
  ].join("\n"),
  flags: {
    seconds: {
      type: "number",
      value: "SECONDS",
      default: 3,
      min: 0.2,
      max: 60,
      flagOnly: true,
      help: "length of each of the two measurements, after a second of warm-up",
    },
    workers: {
      type: "integer",
      value: "N",
      min: 1,
      max: 256,
      help: "number of threads that serve requests [half of the cores]",
    },
    connections: {
      type: "integer",
      value: "N",
      default: 64,
      min: 1,
      max: 1_000,
      flagOnly: true,
      help: "number of connections, each with one request in flight; at most 8 for batches",
    },
    ...commonFlags,
    ...registryFlags,
  },
  examples: [
    ["clickwell bench", "with the model in production, or a generated one"],
    ["clickwell bench --workers 1 --json", "one thread of the server, for a script"],
    ["clickwell bench --connections 1", "the time of an answer when no other request waits"],
  ],
  async run({ options, terminal, signal }) {
    const { seconds, connections } = options;
    const load = { ...settingOf(options.workers, connections), connections, seconds };
    const context = { load, terminal, signal };
    const inProduction = await withRegistry(options, modelInProduction);
    if (inProduction !== undefined) {
      return await measureModel(inProduction, options, { ...context, generated: false });
    }
    terminal.say(
      `No model is in production: training one on ${generatedOffers.toLocaleString("en")} generated offers`,
    );
    const folder = makeTemporaryFolder();
    try {
      const folders = {
        data: join(folder, "data"),
        models: join(folder, "models"),
        registry: undefined,
        "registry-ca": undefined,
      };
      const generated = await withRegistry(folders, (registry) => trainGenerated(folders, registry, signal));
      return await measureModel(generated, folders, { ...context, generated: true });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

/** @throws {Failure} `file-unwritable` */
function makeTemporaryFolder(): string {
  try {
    return Deno.makeTempDirSync({ prefix: "clickwell-bench-" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(
      "file-unwritable",
      `Cannot make a temporary folder: ${reason}. Set TMPDIR to a writable folder, or put a model in production.`,
    );
  }
}

/** Divides the cores between the server and the load. */
function settingOf(asked: number | undefined, connections: number): Setting {
  const cores = availableParallelism();
  const wanted = asked ?? Math.max(1, Math.floor(cores / 2));
  const workers = sharingFault() === undefined ? wanted : 1;
  const loadThreads = Math.max(1, Math.min(workers, cores - workers, connections));
  return { cores, workers, loadThreads };
}

interface Context {
  readonly load: Load;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Whether the model is of generated data. */
  readonly generated: boolean;
}

async function measureModel(
  modelId: string,
  options: Folders & RegistryOptions,
  { load, terminal, signal, generated }: Context,
) {
  const { data, models } = options;
  const { encoder } = (await openArtifacts({ data, models }).read(modelId)).metadata;
  const server = await startServer({
    registry: await openRegistryOf(options, registryPatience),
    dataDir: data,
    modelsDir: models,
    hostname: "127.0.0.1",
    port: 0,
    workers: load.workers,
    // No other program changes the model in production by this server.
    token: crypto.randomUUID(),
    insecure: false,
    drainDelayMs: 0,
    drainTimeoutMs: 2_000,
    log: createLog({ format: "text", level: "error", write: terminal.say }),
  });
  try {
    await server.complete;
    if (server.modelId === undefined) {
      throw new Failure(
        "server-unready",
        `Cannot measure the server: it does not serve the model ${modelId}.`,
      );
    }
    const { seconds, loadThreads: threads } = load;
    const speeds: Speed[] = [];
    terminal.say(
      `model           ${server.modelId}, ${generated ? "of generated data" : "in production"}, on ` +
        `${load.workers} of ${load.cores} cores`,
    );
    for (const target of targetsOf(encoder, load.connections)) {
      signal.throwIfAborted();
      terminal.progress({ stage: `measuring ${target.path}`, done: speeds.length, total: 2, unit: "paths" });
      speeds.push(await measure(server, target, { threads, seconds, signal }));
      terminal.say(speedLine(speeds[speeds.length - 1]));
    }
    const [predict, batch] = speeds;
    const expect = expectations(predict, batch, load);
    for (const line of ["", ...expect]) terminal.say(line);
    return {
      model_id: server.modelId,
      generated,
      cores: load.cores,
      workers: load.workers,
      load_threads: load.loadThreads,
      seconds,
      predict: membersOf(predict),
      batch: membersOf(batch),
      expect,
    };
  } finally {
    await server.stop();
  }
}

function membersOf(speed: Speed): Readonly<Record<string, number>> {
  return {
    requests: speed.requests,
    connections: speed.connections,
    rows_per_request: speed.rowsPerRequest,
    requests_per_second: speed.requestsPerSecond,
    rows_per_second: speed.rowsPerSecond,
    p50_ms: speed.p50Ms,
    p99_ms: speed.p99Ms,
  };
}
