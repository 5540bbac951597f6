import { dirname, join } from "node:path";
import type { StoredChunk } from "../../chunks/chunk_file.ts";
import { createChunkStore } from "../../chunks/chunk_store.ts";
import { byteCountOf } from "../../chunks/kept_chunks.ts";
import { resetBudget } from "../../chunks/memory_budget.ts";
import { Failure } from "../../failure.ts";
import { removeIfThere } from "../../files/written_file.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { hasFreeSpace, reserveBytes } from "../../store/disk_space.ts";
import { sqliteCode } from "../../store/sqlite_failure.ts";
import type { Store } from "../../store/store.ts";
import { readExamples, type ReadOptions } from "../examples.ts";
import type { RawExamples } from "../raw_examples.ts";
import type { FeatureSpec } from "../spec.ts";
import { loadExamples, writeExamples } from "./cache_file.ts";
import { cacheName, hashOfFields, hashOfTables } from "./cache_name.ts";

/** Default disk space for cached examples in a data folder: some 20 million loan offers. */
export const defaultCacheBytes = 2e9;
/** Fewer bytes are read from the store about as fast. */
const defaultFileBytesMin = 4 * 2 ** 20;

export interface CacheOptions extends Pick<ReadOptions, "budget" | "observe"> {
  /** Disk space for the examples of all trainings on this store; 0 neither reads nor keeps any. Default: `defaultCacheBytes`. */
  readonly cacheBytes?: number;
  /** Smaller examples are not kept. */
  readonly fileBytesMin?: number;
}

export type CachedReadOptions = Omit<ReadOptions, "after" | "types"> & CacheOptions;

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
  options: CachedReadOptions,
): Promise<RawExamples> {
  const { budget, observe = () => {} } = options;
  const cached = cachedFile(store, hashOfFields(spec), options);
  const known = await cached.load((path) => loadExamples(path, createChunkStore(budget), observe));
  if (known) return known;
  const raw = await readExamples(store, spec, threads, options);
  const fingerprint = await cached.keep(
    raw.chunks,
    (path) => writeExamples(path, raw, () => observe(raw.rowCount)),
  );
  return fingerprint === undefined ? raw : { ...raw, fingerprint };
}

/**
 * The file that keeps what is derived from the tables as they are now.
 *
 * @param contents Hash of what it holds of them.
 */
export function cachedFile(
  store: Store,
  contents: string,
  { cacheBytes = defaultCacheBytes, fileBytesMin = defaultFileBytesMin, budget }: CacheOptions,
) {
  const folder = dirname(store.path);
  const name = cacheBytes > 0 ? nameOf(store, contents) : undefined;
  const isUnchanged = () => nameOf(store, contents) === name;
  return {
    /** @param load Reads the file; returns undefined if it is not whole. @returns undefined if there is none to be used. */
    async load<Value>(load: (path: string) => Promise<Value | undefined>): Promise<Value | undefined> {
      if (name === undefined) return undefined;
      const value = await loadCached(join(folder, name), load);
      // The tables must not have changed since their state was looked at.
      if (value !== undefined && isUnchanged()) return value;
      // Nothing else is in memory yet.
      if (budget) resetBudget(budget);
      return undefined;
    },
    /**
     * Keeps what was read of the tables since `cachedFile` was called.
     *
     * @param write Writes a new file.
     * @returns What it returns; undefined if nothing is kept.
     */
    async keep<Value>(
      chunks: readonly StoredChunk<object>[],
      write: (path: string) => Promise<Value>,
    ): Promise<Value | undefined> {
      const byteCount = byteCountOf(chunks);
      if (name === undefined || !budget || byteCount < fileBytesMin || !isUnchanged()) return undefined;
      removeStale(folder, name);
      if (!makeRoom(folder, byteCount, cacheBytes)) return undefined;
      return await writeAside(join(folder, name), budget.folder, write);
    },
  };
}

/** @returns undefined if the tables are not cached, or cannot be looked at now, as during a load that locks them. */
function nameOf(store: Store, contents: string): string | undefined {
  try {
    const tables = hashOfTables(store);
    return tables === undefined ? undefined : cacheName.of(tables, contents);
  } catch (error) {
    // Reading the examples waits for the load, or says what is wrong.
    if (sqliteCode(error) === undefined) throw error;
    return undefined;
  }
}

async function loadCached<Value>(
  path: string,
  load: (path: string) => Promise<Value | undefined>,
): Promise<Value | undefined> {
  let value: Value | undefined;
  try {
    Deno.statSync(path);
    value = await load(path);
    if (value) Deno.utimeSync(path, new Date(), new Date());
    else removeIfThere(path);
  } catch (error) {
    // Errors of the system, such as those of a missing or unreadable file: the tables are read.
    if (!isOfSystem(error)) throw error;
  }
  return value;
}

/** Writes a file where only this process writes, then moves it to its place. @returns undefined if that fails. */
async function writeAside<Value>(
  path: string,
  folder: string,
  write: (path: string) => Promise<Value>,
): Promise<Value | undefined> {
  // In the folder of this training's spilled chunks, which the next training removes if this one is killed.
  const partial = join(folder, "examples.cache");
  try {
    const value = await write(partial);
    Deno.renameSync(partial, path);
    return value;
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
