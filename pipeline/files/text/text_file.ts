import { removeIfThere, writing } from "../written_file.ts";

/** A text file that is being written, under a temporary name until it is published. */
export interface TextFile {
  append(text: string): void;
  /** Syncs the file to disk and renames it. */
  publish(): void;
  /** Removes the file unless it is published. */
  discard(): void;
}

/**
 * Starts a text file. An existing file at `path` is replaced when the new one is published.
 *
 * @throws {Failure} `file-unwritable`, as `append` and `publish` do.
 */
export function createTextFile(path: string): TextFile {
  const partialPath = `${path}.partial`;
  const file = writing(path, () => Deno.openSync(partialPath, { write: true, create: true, truncate: true }));
  const encoder = new TextEncoder();
  let isOpen = true;
  const close = () => {
    if (isOpen) file.close();
    isOpen = false;
  };
  return {
    append(text) {
      const bytes = encoder.encode(text);
      writing(path, () => {
        for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
      });
    },
    publish() {
      writing(path, () => {
        file.syncSync();
        close();
        Deno.renameSync(partialPath, path);
      });
    },
    discard() {
      close();
      removeIfThere(partialPath);
    },
  };
}

/** Writes to a stream: each text is written at once and cannot be withdrawn. */
export function unheldText(write: (text: string) => void): TextFile {
  return { append: write, publish() {}, discard() {} };
}
