import { dirname } from "node:path";

/** Writes a new file that survives a power failure once this returns. Only its owner can read it. */
export function writeDurably(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
  file.syncSync();
}

/** Makes the entries of a folder (names created, renamed or removed in it) survive a power failure. */
export function syncDirectory(path: string): void {
  // Windows cannot open a folder as a file, and does not need this call.
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}

/** Replaces a file in one step, so that it survives a power failure once this resolves, and does not block the thread meanwhile. */
export async function replaceDurably(path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${path}.${crypto.randomUUID()}`;
  try {
    {
      using file = await Deno.open(unfinished, { write: true, createNew: true, mode: 0o600 });
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    await Deno.rename(unfinished, path);
    if (Deno.build.os !== "windows") {
      using folder = await Deno.open(dirname(path), { read: true });
      await folder.sync();
    }
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {});
    throw error;
  }
}
