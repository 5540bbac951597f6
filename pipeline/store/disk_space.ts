import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";

const mebibyte = 2 ** 20;

/** Disk space that writing leaves free: a full disk can kill a process that has a WAL index mapped (SIGBUS). */
export const reserveBytes = 64 * mebibyte;
/** Page cache of a connection to a store. Changed pages in it have not been written yet. */
export const cacheBytes = 32 * mebibyte;

/**
 * Checks that the disk of `path` has `needed` free bytes. Succeeds if the free space cannot be determined.
 *
 * @param path A file on the disk; it need not exist.
 * @throws {Failure} `store-full`
 */
export function requireFreeSpace(path: string, needed: number): void {
  const free = freeBytes(dirname(path));
  if (free === undefined || free >= needed) return;
  const inMiB = (bytes: number) => `${Math.floor(bytes / mebibyte).toLocaleString("en")} MiB`;
  throw new Failure(
    "store-full",
    `Cannot write ${path}: ${inMiB(free)} are free on its disk, expected at least ${inMiB(needed)}. ` +
      "Free some space and try again.",
  );
}

/** Whether the disk of `path` has `needed` free bytes, or its free space is unknown. */
export function hasFreeSpace(path: string, needed: number): boolean {
  const free = freeBytes(dirname(path));
  return free === undefined || free >= needed;
}

/**
 * Checks that the disk can take the rest of an open transaction: at commit, changed pages in memory go to the WAL, from
 * which all new pages are then copied into the database.
 *
 * @throws {Failure} `store-full`
 */
export function requireDiskSpaceToCommit({ db, path }: { db: DatabaseSync; path: string }): void {
  const pragma = (name: "page_count" | "page_size") => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
  const growth = Math.max(0, pragma("page_count") * pragma("page_size") - Deno.statSync(path).size);
  requireFreeSpace(path, reserveBytes + growth + Math.min(growth, cacheBytes));
}

/**
 * Returns the bytes that an unprivileged program may still write on the disk of `folder`.
 *
 * @returns undefined without the permission `--allow-sys=statfs`, or if the system has no such call.
 */
function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
