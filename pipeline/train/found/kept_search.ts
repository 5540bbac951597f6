import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { parseJsonOfDoubles } from "../../exact_json.ts";
import { Failure } from "../../failure.ts";
import { removeIfThere } from "../../files/written_file.ts";
import type { BoostRun, BoostTask, KeptRuns } from "../../fit/tables/boost_rows.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import { writeDurably } from "../../runtime/durable_file.ts";
import { version } from "../../version.ts";
import type { HyperParameters } from "../hyper_parameters.ts";

/** The runs of boosting of a search, kept in a folder until the search ends: if it is interrupted, the next one goes on from there. */
export interface KeptSearch extends KeptRuns {
  /** Removes them: the search has ended. */
  remove(): void;
  /** Returns the failure of a search that was interrupted, which says how to go on. */
  interrupted(error: Failure): Failure;
}

/** A search, and the data folder of its rows. */
export interface SearchSettings {
  readonly dataDir: string;
  /** Fingerprint of the rows. */
  readonly rows: string;
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
}

/** Trains with the stages of a search, and resamples, kept until the training ends; other trainings have none. */
export async function keepingStages<T>(
  { dataDir, hyperParameters: { intervals, ...hyperParameters }, ...rows }: SearchSettings,
  train: (kept: KeptSearch | undefined) => Promise<T>,
): Promise<T> {
  if (hyperParameters.features !== "auto" && intervals !== "bootstrap") return await train(undefined);
  // Without the intervals: a search goes on without them from where it was with them.
  const settings = { ...rows, hyperParameters };
  const kept = openKeptSearch(dataDir, [version, settings]);
  try {
    const trained = await train(kept);
    kept.remove();
    return trained;
  } catch (error) {
    throw error instanceof Failure && error.kind === "interrupted" ? kept.interrupted(error) : error;
  }
}

const folderName = "searches";
/** Folders of other searches that have not been resumed for this long are removed. */
const ageMsMax = 30 * 24 * 3600e3;

const run = z.strictObject({
  start: z.number(),
  trees: z.int().min(0),
  /** Little-endian int32 and float64, base64. */
  boxes: z.base64(),
  values: z.base64(),
  logits: z.base64(),
  pairGain: z.base64(),
});
type RunLine = z.infer<typeof run>;
const runLines = z.array(run);

/**
 * Opens the folder of a search. Runs that cannot be kept, or that a crash damaged, only cost time.
 *
 * @param dataDir The data folder, in which the searches have a folder.
 * @param settings All that the search depends on: the rows, the spec, the settings and the version.
 */
function openKeptSearch(dataDir: string, settings: unknown): KeptSearch {
  const all = join(dataDir, folderName);
  const folder = join(all, hashOf(settings).slice(0, 16));
  removeOld(all, folder);
  const pathOf = (rowCount: number, tasks: readonly BoostTask[]) =>
    join(folder, `${hashOf([rowCount, tasks]).slice(0, 32)}.json`);
  const done = new Set<string>();
  return {
    find(rowCount, tasks) {
      const path = pathOf(rowCount, tasks);
      const runs = readRuns(path);
      if (runs?.length !== tasks.length) return undefined;
      done.add(path);
      return runs;
    },
    keep(rowCount, tasks, runs) {
      const path = pathOf(rowCount, tasks);
      if (writeRuns(folder, path, runs)) done.add(path);
    },
    remove() {
      removeFolder(folder);
      // Fails, as it should, if other searches are kept.
      removeIfThere(all);
    },
    interrupted(error) {
      if (done.size === 0) return error;
      return new Failure(
        "interrupted",
        `Interrupted: ${done.size} of the search's stages are done and kept in ${folder}. Run the same command to resume.`,
      );
    },
  };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** @returns Whether the runs were written. */
function writeRuns(folder: string, path: string, runs: readonly BoostRun[]): boolean {
  const partial = `${path}.partial`;
  try {
    // Throws if the runs are longer than a string can be.
    const text = JSON.stringify(runs.map(lineOf));
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeIfThere(partial);
    writeDurably(
      partial,
      new TextEncoder().encode(`${createHash("sha256").update(text).digest("hex")}\n${text}`),
    );
    Deno.renameSync(partial, path);
    return true;
  } catch {
    // The search does not need them: a disk that is full or read-only must not end it.
    removeIfThere(partial);
    return false;
  }
}

/** @returns undefined if there are none, or if they were changed. */
function readRuns(path: string): BoostRun[] | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
  const at = text.indexOf("\n");
  const own = text.slice(at + 1);
  if (createHash("sha256").update(own).digest("hex") !== text.slice(0, at)) return undefined;
  const { success, data } = runLines.safeParse(parseJsonOfDoubles(own));
  return success ? data.map(runOf) : undefined;
}

function lineOf({ forest: { start, boxes, values }, trees, logits, pairGain }: BoostRun): RunLine {
  const [b, v, l, g] = [boxes, values, logits, pairGain].map(({ buffer, byteOffset, byteLength }) =>
    new Uint8Array(buffer, byteOffset, byteLength).toBase64()
  );
  return { start, trees, boxes: b, values: v, logits: l, pairGain: g };
}

function runOf({ start, trees, boxes, ...others }: RunLine): BoostRun {
  const [values, logits, pairGain] = [others.values, others.logits, others.pairGain].map((text) =>
    new Float64Array(Uint8Array.fromBase64(text).buffer)
  );
  const forest = { start, boxes: new Int32Array(Uint8Array.fromBase64(boxes).buffer), values };
  return { forest, trees, logits, pairGain };
}

function removeOld(all: string, own: string): void {
  try {
    for (const { name } of Deno.readDirSync(all)) {
      const path = join(all, name);
      const { mtime } = Deno.statSync(path);
      if (path !== own && mtime && Date.now() - mtime.getTime() > ageMsMax) removeFolder(path);
    }
  } catch { /* There are none. */ }
}

function removeFolder(path: string): void {
  try {
    for (const { name } of Deno.readDirSync(path)) removeIfThere(join(path, name));
  } catch { /* It does not exist. */ }
  removeIfThere(path);
}
