import { dirname, join } from "node:path";
import { createChunkStore } from "../../chunks/chunk_store.ts";
import { Failure } from "../../failure.ts";
import { removeIfThere } from "../../files/written_file.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { hasFreeSpace, reserveBytes } from "../../store/disk_space.ts";
import { sqliteCode } from "../../store/sqlite_failure.ts";
import type { Store } from "../../store/store.ts";
import { readExamples, type ReadOptions } from "../examples.ts";
import type { RawExamples } from "../raw_examples.ts";
import type { FeatureSpec } from "../spec.ts";
import { byteCountOf, loadExamples, writeExamples } from "./cache_file.ts";
import { cacheName, hashOfFields, hashOfTables } from "./cache_name.ts";

/** Default disk space for cached examples in a data folder: some 20 million loan offers. */
export const defaultCacheBytes = 2e9;
/** Fewer bytes are read from the store about as fast. */
const defaultFileBytesMin = 4 * 2 ** 20;

export interface CachedReadOptions extends Omit<ReadOptions, "after" | "types"> {
  /** Disk space for the examples of all trainings on this store; 0 neither reads nor keeps any. Default: `defaultCacheBytes`. */
  readonly cacheBytes?: number;
  /** Smaller examples are not kept. */
  readonly fileBytesMin?: number;
}

/**
 * Reads all examples of a spec's view, as `readExamples`, and keeps them in a file beside the tables. The next training that reads
 * the same columns of unchanged tables takes them from there: the same chunks, bit for bit. A file that cannot be written or is
 * damaged only costs time.
 *
 * @throws {Failure} as `readExamples`.
 */
export async function readCachedExamples(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  { cacheBytes = defaultCacheBytes, fileBytesMin = defaultFileBytesMin, ...options }: CachedReadOptions,
): Promise<RawExamples> {
  const folder = dirname(store.path);
  const name = cacheBytes > 0 ? nameOf(store, spec) : undefined;
  if (name === undefined) return await readExamples(store, spec, threads, options);
  const path = join(folder, name);
  const cached = await loadCached(path, options);
  // The tables must not have changed since their state was looked at.
  if (cached && nameOf(store, spec) === name) return cached;
  const raw = await readExamples(store, spec, threads, options);
  const byteCount = byteCountOf(raw);
  if (!options.budget || byteCount < fileBytesMin || nameOf(store, spec) !== name) return raw;
  removeStale(folder, name);
  if (!makeRoom(folder, byteCount, cacheBytes)) return raw;
  const fingerprint = await keep(raw, path, { ...options, folder: options.budget.folder });
  return fingerprint === undefined ? raw : { ...raw, fingerprint };
}

/** @returns undefined if the tables are not cached, or cannot be looked at now, as during a load that locks them. */
function nameOf(store: Store, spec: FeatureSpec): string | undefined {
  try {
    const tables = hashOfTables(store);
    return tables === undefined ? undefined : cacheName.of(tables, hashOfFields(spec));
  } catch (error) {
    // Reading the examples waits for the load, or says what is wrong.
    if (sqliteCode(error) === undefined) throw error;
    return undefined;
  }
}

async function loadCached(
  path: string,
  { budget, observe = () => {} }: ReadOptions,
): Promise<RawExamples | undefined> {
  let raw: RawExamples | undefined;
  try {
    Deno.statSync(path);
    raw = await loadExamples(path, createChunkStore(budget), observe);
    if (raw) Deno.utimeSync(path, new Date(), new Date());
    else removeIfThere(path);
  } catch (error) {
    // Errors of the system, such as those of a missing or unreadable file: the tables are read.
    if (!isOfSystem(error)) throw error;
  }
  return raw;
}

/** Writes the examples where only this process writes, then to their place. @returns Their fingerprint; undefined if that fails. */
async function keep(
  raw: RawExamples,
  path: string,
  { folder, observe = () => {} }: Pick<ReadOptions, "observe"> & { readonly folder: string },
): Promise<string | undefined> {
  // In the folder of this training's spilled chunks, which the next training removes if this one is killed.
  const partial = join(folder, "examples.cache");
  try {
    const fingerprint = await writeExamples(partial, raw, () => observe(raw.rowCount));
    Deno.renameSync(partial, path);
    return fingerprint;
  } catch (error) {
    removeIfThere(partial);
    if (!isOfSystem(error)) throw error;
    return undefined;
  }
}

/** Removes files that were read from these tables before they changed. @param name That of a file to be written. */
function removeStale(folder: string, name: string): void {
  for (const { path, name: found } of cacheFilesIn(folder)) {
    if (!cacheName.isSameTables(found, name)) removeIfThere(path);
  }
}

/** Removes all cached examples of a data folder: its tables have changed. */
export function removeCachedExamples(folder: string): void {
  for (const { path } of cacheFilesIn(folder)) removeIfThere(path);
}

/** Removes the files that were used least recently until there is room for another one. @returns Whether there is. */
function makeRoom(folder: string, byteCount: number, bytesMax: number): boolean {
  const files = cacheFilesIn(folder).sort((a, b) => b.usedAt - a.usedAt);
  let sum = files.reduce((sum, { size }) => sum + size, byteCount);
  while (sum > bytesMax && files.length > 0) {
    const oldest = files.pop();
    if (oldest) removeIfThere(oldest.path);
    sum -= oldest?.size ?? 0;
  }
  return sum <= bytesMax && hasFreeSpace(join(folder, "any"), 2 * byteCount + reserveBytes);
}

function cacheFilesIn(folder: string) {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name, isFile }) => isFile && cacheName.isOne(name)).map(
      ({ name }) => {
        const path = join(folder, name);
        const { size, mtime } = Deno.statSync(path);
        return { name, path, size, usedAt: mtime?.getTime() ?? 0 };
      },
    );
  } catch (error) {
    // Another training has removed one of them.
    if (!isOfSystem(error)) throw error;
    return [];
  }
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Failure
    ? error.kind === "file-unwritable" || error.kind === "store-full"
    : error instanceof Error && "code" in error && typeof error.code === "string";
}
