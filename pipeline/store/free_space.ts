import { statfsSync } from "node:fs";

/**
 * Bytes that a program without privileges may still write on the disk that holds `folder`.
 *
 * @returns undefined where it cannot be asked: no permission (`--allow-sys=statfs`), or no such call on this system.
 */
export function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
