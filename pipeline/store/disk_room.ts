import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { freeBytes } from "./free_space.ts";

const mebibyte = 2 ** 20;

/** Room that writing leaves free: a full disk can kill a process that has a WAL index mapped (SIGBUS). */
export const reserveBytes = 64 * mebibyte;
/** Pages that a connection holds in memory; changed ones among them have not been written yet. */
export const cacheBytes = 32 * mebibyte;

/**
 * @param path A file on the disk that is asked for; it need not be there.
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

/**
 * Refuses to go on with a transaction that the disk could not take: what is still in memory goes to the log at its end,
 * and all new pages are then copied from there into the database.
 *
 * @throws {Failure} `store-full`
 */
export function requireDiskSpaceToCommit({ db, path }: { db: DatabaseSync; path: string }): void {
  const pragma = (name: "page_count" | "page_size") => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
  const growth = Math.max(0, pragma("page_count") * pragma("page_size") - Deno.statSync(path).size);
  requireFreeSpace(path, reserveBytes + growth + Math.min(growth, cacheBytes));
}
