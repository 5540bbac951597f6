import { removeIfThere, writing } from "../written_file.ts";

/** A text file that is being written; it stands under another name until it is published. */
export interface TextFile {
  append(text: string): void;
  /** Waits until all of it is on the disk, and gives it its name. */
  publish(): void;
  /** Removes what was written, unless it is published. */
  discard(): void;
}

/**
 * Starts a text file. A file that stands at `path` is replaced when the new one is published.
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

/** What is appended goes out at once, and is not taken back. */
export function unheldText(write: (text: string) => void): TextFile {
  return { append: write, publish() {}, discard() {} };
}
