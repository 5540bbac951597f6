/** Writes a new file that survives a power cut from the moment this returns. Readable by its owner alone. */
export function writeDurably(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
  file.syncSync();
}

/** Makes a folder's entries (names that were made, renamed or removed in it) survive a power cut. */
export function syncDirectory(path: string): void {
  // Windows cannot open a folder as a file, and needs no such call.
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}
