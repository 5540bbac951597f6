import { Failure } from "../failure.ts";

/** What shows that a file was changed. */
export interface FileState {
  readonly size: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly modifiedAt: number | undefined;
}

/** @throws {Failure} `file-missing`, or `file-invalid` for what is no file. */
export function fileState(path: string): FileState {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    throw new Failure("file-missing", `There is no file ${path}, or it cannot be read. Check its name.`);
  }
  if (!info.isFile) throw new Failure("file-invalid", noFile(path, info));
  return { size: info.size, modifiedAt: info.mtime?.getTime() };
}

function noFile(path: string, { isFifo, isCharDevice }: Deno.FileInfo): string {
  const remedy = isFifo || isCharDevice ? " What comes by a pipe is read from standard input, named -." : "";
  return `Cannot load ${path}: it is no file.${remedy}`;
}

export function isSameState(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.modifiedAt === b.modifiedAt;
}
