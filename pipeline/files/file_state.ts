import { Failure, fileInvalid } from "../failure.ts";

/** Size and modification time of a file, which reveal changes. */
export interface FileState {
  readonly size: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly modifiedAt: number | undefined;
}

/** @throws {Failure} `file-missing`; `file-invalid` if it is not a regular file. */
export function fileState(path: string): FileState {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    throw new Failure("file-missing", `The file ${path} does not exist or is not readable. Check its name.`);
  }
  if (!info.isFile) throw fileInvalid(noFile(path, info));
  return { size: info.size, modifiedAt: info.mtime?.getTime() };
}

function noFile(path: string, { isFifo, isCharDevice }: Deno.FileInfo): string {
  const remedy = isFifo || isCharDevice ? " Read a pipe from standard input, as -." : "";
  return `Cannot load ${path}: it is not a file.${remedy}`;
}

export function isSameState(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.modifiedAt === b.modifiedAt;
}
