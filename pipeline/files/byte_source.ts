import { Failure, fileInvalid } from "../failure.ts";

/** Random access to the bytes of a file. */
export type ByteSource = ReturnType<typeof openSource>;

/** @throws {Failure} `file-missing`; `file-invalid` for a folder or an unreadable file. */
export function openSource(path: string) {
  const file = openFile(path);
  const { size } = file.statSync();
  return {
    /** The name of the file in messages. */
    name: path,
    size,
    /** @throws {Failure} `file-invalid` if the range is outside the file. */
    read(offset: number, length: number): Uint8Array<ArrayBuffer> {
      if (!Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > size) {
        throw fileInvalid(
          `Cannot read ${path}: it has ${
            size.toLocaleString("en")
          } bytes, but its content refers to later ones. It is truncated or damaged.`,
        );
      }
      const bytes = new Uint8Array(length);
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = file.readSync(bytes.subarray(done));
        if (count === null) {
          throw fileInvalid(`Cannot read ${path}: it was truncated while it was read.`);
        }
        done += count;
      }
      return bytes;
    },
    close: (): void => file.close(),
  };
}

function openFile(path: string): Deno.FsFile {
  try {
    if (!Deno.statSync(path).isFile) {
      throw fileInvalid(`Cannot read ${path}: it is not a file.`);
    }
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure("file-missing", `The file ${path} does not exist. Check its name.`);
    }
    throw fileInvalid(`Cannot read ${path}: ${error instanceof Error ? error.message : error}.`);
  }
}
