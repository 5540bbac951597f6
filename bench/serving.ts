import { join } from "node:path";
import { z } from "zod";
import { type Bench, root } from "./bench.ts";
import { generatedTables, ingest, train } from "./clickwell.ts";
import { flags, installPeers, peer, type PythonEnvironment } from "./python.ts";

/** A trained model in production, and request bodies for it. */
export interface Serving {
  readonly tables: string;
  /** Folder of the store. */
  readonly data: string;
  /** Folder of the models. */
  readonly models: string;
  /** The path of the model's model.json. */
  readonly model: string;
  /** File of request bodies, one JSON object a line. */
  readonly bodies: string;
}

/** The folder of the raw fields' names and types, for the peers' scripts. */
export const specFile: string = join(root, "features.json");

const probabilitiesReport = z.object({ probabilities: z.array(z.number()) });

export async function prepareServing(bench: Bench): Promise<Serving> {
  // Python creates the bodies and the expected answers, also without peers.
  await installPeers(["requirements.txt"], bench.say);
  const tables = await generatedTables(bench, bench.offers);
  const data = join(bench.folder, "data");
  await ingest(bench, tables, data);
  const { model } = await train(bench, data);
  const bodies = join(bench.folder, "bodies.ndjson");
  await peer(
    bench,
    "bodies.py",
    flags({ tables, spec: specFile, out: bodies }),
    z.object({ bodies: z.number() }),
  );
  return { tables, data, models: join(bench.folder, "models"), model, bodies };
}

/** Returns the expected probabilities of the bodies, computed by numpy from the model's coefficients. */
export async function expectedProbabilities(
  bench: Bench,
  { model, bodies }: Pick<Serving, "model" | "bodies">,
): Promise<number[]> {
  return (await peer(bench, "predict.py", flags({ model, bodies }), probabilitiesReport)).report
    .probabilities;
}

/** Trains the pipeline of the servers of scikit-learn models. @returns The probabilities of the request bodies. */
export async function preparePipeline(
  bench: Bench,
  { tables, bodies }: Serving,
  out: string,
  environment: PythonEnvironment = "peers",
): Promise<number[]> {
  const args = flags({ tables, spec: specFile, bodies, out });
  return (await peer(bench, "sklearn_model.py", args, probabilitiesReport, { environment })).report
    .probabilities;
}

/** The rows of the bodies. */
export async function readRows({ bodies }: Serving): Promise<unknown[]> {
  return (await Deno.readTextFile(bodies)).trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Writes request bodies for `load`. */
export async function writeBodies(path: string, bodies: readonly unknown[]): Promise<string> {
  await Deno.writeTextFile(path, bodies.map((body) => `${JSON.stringify(body)}\n`).join(""));
  return path;
}
