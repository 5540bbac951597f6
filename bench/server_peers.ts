import { join } from "node:path";
import { z } from "zod";
import { type Bench, benchFolder, cacheFolder, Skipped } from "./bench.ts";
import { runChild } from "./child.ts";
import { flags, installPeers, peer, pythonEnvironment, pythonProgram } from "./python.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { preparePipeline, type Serving } from "./serving.ts";

/** A peer server over the same data, and the form of its requests. */
export interface PeerServer {
  readonly name: string;
  readonly path: string;
  /** Folder or file of its model. */
  readonly model: string;
  /** Whether it serves the coefficients of clickwell, not those of scikit-learn. */
  readonly isSameModel: boolean;
  /** Returns the request body for one row. */
  bodyOf(row: unknown): unknown;
  /** Parses the probability out of a response. */
  readonly probability: z.ZodType<number>;
  start(): Promise<ServerProcess>;
}

/** The peer servers, and the probabilities of the scikit-learn pipeline. */
export interface PeerServers {
  readonly servers: readonly PeerServer[];
  /** The probabilities of the request bodies. */
  readonly pipelineProbabilities: readonly number[];
}

const processes = "2";
const startPath = "/predict";
const single = z.object({ probability: z.number() }).transform(({ probability }) => probability);
const ofClasses = z.object({ predictions: z.array(z.tuple([z.number(), z.number()])).length(1) })
  .transform(({ predictions }) => predictions[0][1]);

/**
 * Builds and installs the peers, and trains their models.
 *
 * @throws {Skipped} if the machine has no Rust.
 */
export async function preparePeerServers(bench: Bench, serving: Serving): Promise<PeerServers> {
  const environment = "servers";
  await installPeers(["requirements-serving.txt"], bench.say, environment);
  const axum = await buildAxum(bench);
  const folder = join(bench.folder, "peers");
  // Pickled in the environment that loads it: a pickle depends on its versions.
  const pipelineProbabilities = await preparePipeline(bench, serving, folder, environment);
  await peer(
    bench,
    "onnx_model.py",
    flags({ model: serving.model, out: folder }),
    z.object({ columns: z.number() }),
    { environment },
  );
  const mlflow = join(folder, "mlflow");
  await peer(bench, "mlflow_model.py", flags({ folder, out: mlflow }), z.object({ model: z.string() }), {
    environment,
  });
  const program = (name: string) => pythonProgram(name, environment);
  const start = (command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    startServer(command, {
      cwd: join(benchFolder, "peer"),
      env: {
        ...pythonEnvironment,
        MODEL_FOLDER: folder,
        PATH: `${join(program("python"), "..")}:${Deno.env.get("PATH") ?? ""}`,
        ...env,
      },
    });
  const plain = { path: startPath, bodyOf: (row: unknown) => row, probability: single };
  const uvicorn = [
    ...[program("uvicorn"), "--host", "127.0.0.1", "--port", "0", "--workers", processes],
    ...["--no-access-log", "fastapi_app:app"],
  ];
  return {
    pipelineProbabilities,
    servers: [
      {
        ...plain,
        name: "axum",
        model: serving.model,
        isSameModel: true,
        start: () => startServer([axum, serving.model]),
      },
      {
        ...plain,
        name: "FastAPI + onnxruntime",
        model: folder,
        isSameModel: true,
        start: () => start(uvicorn, { ENGINE: "onnx" }),
      },
      {
        ...plain,
        name: "FastAPI + scikit-learn",
        model: folder,
        isSameModel: false,
        start: () => start(uvicorn, { ENGINE: "sklearn" }),
      },
      {
        name: "MLflow",
        path: "/invocations",
        model: mlflow,
        isSameModel: false,
        bodyOf: (row) => ({ dataframe_records: [row] }),
        probability: ofClasses,
        start: () =>
          onFreePort((port) =>
            start([
              ...[program("mlflow"), "models", "serve", "--model-uri", mlflow, "--env-manager", "local"],
              ...["--host", "127.0.0.1", "--port", port, "--workers", processes],
            ], { MLFLOW_DISABLE_TELEMETRY: "true" })
          ),
      },
    ],
  };
}

/** Starts a server that does not report its port. */
async function onFreePort(start: (port: string) => Promise<ServerProcess>): Promise<ServerProcess> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return await start(String(port));
}

/** @throws {Skipped} if there is no cargo. */
async function buildAxum(bench: Bench): Promise<string> {
  const target = join(cacheFolder, "axum-target");
  const manifest = join(benchFolder, "peer/axum/Cargo.toml");
  bench.say("building the axum server");
  try {
    await runChild([
      ...["cargo", "build", "--release", "--locked", "--quiet"],
      ...["--manifest-path", manifest, "--target-dir", target],
    ], { timeoutMs: 600_000 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Skipped(`the axum server needs Rust, with cargo: ${reason}`);
  }
  return join(target, "release/axum-server");
}

const readyWithinMs = 60_000;

/**
 * Sends each row, after waiting until the server answers: some report that they listen too early.
 *
 * @returns The probability of each row.
 */
export async function askEach(
  { url }: ServerProcess,
  { path, bodyOf, probability }: Pick<PeerServer, "path" | "bodyOf" | "probability">,
  rows: readonly unknown[],
): Promise<number[]> {
  const ask = async (row: unknown) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(bodyOf(row)),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${url}${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return probability.parse(JSON.parse(text));
  };
  for (const deadline = performance.now() + readyWithinMs;;) {
    try {
      await ask(rows[0]);
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const found: number[] = [];
  for (const row of rows) found.push(await ask(row));
  return found;
}
