import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import configuration from "../deno.json" with { type: "json" };
import { type Bench, cacheFolder, lastLineAs, root, Skipped } from "./bench.ts";
import { ChildFailed, type Finished, runChild } from "./child.ts";
import { grouped } from "./notation.ts";

const executable = join(root, "dist/clickwell");

const tableNames = ["leads", "offers", "clicks"] as const;
const markOffers = 1_000;

/** A version of clickwell to measure. */
export interface Program {
  readonly command: readonly string[];
  /** As in `clickwell --version`, without the name. */
  readonly version: string;
  readonly denoVersion: string;
  /** "executable" or "source". */
  readonly kind: string;
}

/** Finds the executable if it has been built, else the source run by this Deno. @param source Never the executable. */
export async function findProgram(options: { source: boolean }): Promise<Program> {
  const built = !options.source && await isFile(executable);
  const command = built ? [executable] : fromSource();
  const { stdout } = await runChild([...command, "--version"], { cwd: root });
  const denoVersion = stdout.match(/Deno (\d+\.\d+\.\d+)/)?.[1];
  if (!denoVersion) {
    throw new Error(`clickwell --version says ${stdout.trim()}, expected it to name its Deno.`);
  }
  return {
    command,
    version: stdout.trim().replace(/^clickwell /, ""),
    denoVersion,
    kind: built ? "executable" : "source",
  };
}

/** The command of the task `clickwell`, run by this Deno without the task runner, whose memory does not count. */
function fromSource(): string[] {
  return [Deno.execPath(), ...configuration.tasks.clickwell.command.split(" ").slice(1)];
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

const exitCodeUsage = 2;

/** Runs a command of clickwell. @throws {Skipped} if this version does not have the command or a flag of it. */
export async function clickwell(bench: Bench, args: readonly string[]): Promise<Finished> {
  try {
    const quiet = args.includes("--quiet=false") ? [] : ["--quiet"];
    return await bench.run([...bench.clickwell, ...args, ...uncached(args), "--json", ...quiet]);
  } catch (error) {
    if (error instanceof ChildFailed && error.code === exitCodeUsage) {
      throw new Skipped(error.message.split("\n").at(-1));
    }
    throw error;
  }
}

/** Flags by which each round reads the tables, unless a benchmark measures the cache. */
function uncached(args: readonly string[]): string[] {
  return ["train", "sweep"].includes(args[0]) && !args.includes("--cache") ? ["--cache", "0"] : [];
}

/**
 * Returns a folder of generated leads.parquet, offers.parquet and clicks.parquet. It is kept between runs while
 * clickwell generates the same.
 */
export async function generatedTables(bench: Bench, offers: number): Promise<string> {
  const name = `offers-${offers}-seed-1`;
  const folder = join(cacheFolder, `${name}-${await generatorMark(bench)}`);
  if (await isFile(join(folder, "clicks.parquet"))) return folder;
  bench.say(`generating ${grouped(offers)} offers`);
  for await (const entry of Deno.readDir(cacheFolder)) {
    // Files of another generator or an interrupted run, with their store.
    if (entry.name.startsWith(`${name}-`)) {
      await Deno.remove(join(cacheFolder, entry.name), { recursive: true });
    }
  }
  const unfinished = `${folder}.unfinished`;
  await generate(bench, offers, unfinished);
  await Deno.rename(unfinished, folder);
  return folder;
}

/** Returns eight digits that differ if clickwell generates other tables. */
async function generatorMark(bench: Bench): Promise<string> {
  const folder = join(bench.folder, "generator-mark");
  await generate(bench, markOffers, folder);
  const hash = createHash("sha256");
  for (const table of tableNames) hash.update(await Deno.readFile(join(folder, `${table}.parquet`)));
  return hash.digest("hex").slice(0, 8);
}

async function generate(bench: Bench, offers: number, out: string): Promise<void> {
  await clickwell(bench, ["generate", "--offers", String(offers), "--seed", "1", "--out", out]);
}

/** Describes a generated data set in reports. */
export function describeTables(offers: number): string {
  return `${grouped(offers)} offers with leads and clicks, by clickwell generate --offers ${offers} --seed 1`;
}

const counts = z.object({ read: z.number(), inserted: z.number() });
const ingestReport = z.object({
  tables: z.object({ leads: counts, offers: counts, clicks: counts }),
  examples: z.number(),
});

export type IngestReport = z.infer<typeof ingestReport>;

/** Loads a folder's tables into the store of `data`, which is created if it does not exist. */
export async function ingest(
  bench: Bench,
  tables: string,
  data: string,
): Promise<{ finished: Finished; report: IngestReport }> {
  const finished = await clickwell(bench, ["ingest", ...filesOf(tables), "--data", data]);
  return { finished, report: lastLineAs(finished, ingestReport) };
}

/**
 * The data folder of a store that holds a generated data set. It is kept from run to run: loading the same files again
 * changes nothing, and takes as long as reading them.
 */
export async function loadedStore(bench: Bench, offers: number): Promise<string> {
  const tables = await generatedTables(bench, offers);
  const data = `${tables}-store`;
  bench.say(`loading ${grouped(offers)} offers, as far as they are not in the store`);
  try {
    await ingest(bench, tables, data);
  } catch (error) {
    if (!(error instanceof ChildFailed)) throw error;
    // Left by an interrupted run or another version.
    await Deno.remove(data, { recursive: true });
    await ingest(bench, tables, data);
  }
  return data;
}

const trainReport = z.object({
  model_id: z.string(),
  rows: z.object({ train: z.number(), test: z.number() }),
  metrics: z.object({ log_loss: z.number() }),
  solver: z.object({ iterations: z.number(), gradient_max: z.number(), objective: z.number() }),
  seconds: z.object({ read: z.number(), encode: z.number(), fit: z.number(), total: z.number() }),
});

export interface Training {
  readonly finished: Finished;
  readonly report: z.infer<typeof trainReport>;
  /** The path of the model's model.json. */
  readonly model: string;
}

/** Trains on all examples of a store; none are held out unless flags hold some out. */
export async function train(bench: Bench, data: string, flags: readonly string[] = []): Promise<Training> {
  return await trainWith(bench, data, flags);
}

/** Loads a folder's tables into a new store in `data` and trains on them, in one process. */
export async function loadAndTrain(
  bench: Bench,
  tables: string,
  data: string,
  flags: readonly string[] = [],
): Promise<Training> {
  return await trainWith(bench, data, [...filesOf(tables), ...flags]);
}

function filesOf(tables: string): string[] {
  return tableNames.flatMap((table) => [`--${table}`, join(tables, `${table}.parquet`)]);
}

async function trainWith(bench: Bench, data: string, flags: readonly string[]): Promise<Training> {
  const models = join(bench.folder, "models");
  const heldOut = flags.includes("--test-share") ? [] : ["--test-share", "0"];
  const finished = await clickwell(bench, [
    "train",
    ...flags,
    ...heldOut,
    "--data",
    data,
    "--models",
    models,
  ]);
  const report = lastLineAs(finished, trainReport);
  return { finished, report, model: join(models, report.model_id, "model.json") };
}
