import { basename } from "node:path";
import type { FileState } from "../files/file_state.ts";
import type { Table } from "../store/table.ts";
import type { OpenedFile } from "./reader_job.ts";

/** Progress of the load of a file. */
export interface LoadProgress {
  readonly table: string;
  readonly file: string;
  readonly rows: number;
  /** Rows of the whole file; an estimate if its format does not store the number. */
  readonly rowsTotal: number;
  /** Whether the number is the file's own: a small file may have millions of equal rows. */
  readonly isCounted: boolean;
  /** What is done, if rows are not inserted: `sorting` before them, `index NAME` after them. */
  readonly step?: string;
}

interface LoadedFile {
  readonly table: Pick<Table, "name">;
  readonly path: string;
  /** The file when it was opened. */
  readonly before: FileState;
  readonly reading: { readonly opened: OpenedFile };
}

/** Returns a function that reports the progress of one file. */
export function createProgress(
  { table, path, before, reading: { opened: { rowCount } } }: LoadedFile,
  observe: (progress: LoadProgress) => void,
) {
  let rowsSeen = 0;
  return (rows: number, bytesRead: number, step?: string): void => {
    rowsSeen = Math.max(rowsSeen, rows);
    observe({
      table: table.name,
      file: basename(path),
      rows,
      rowsTotal: rowCount ?? Math.round(rowsSeen * before.size / Math.max(1, bytesRead)),
      isCounted: rowCount !== undefined,
      ...(step === undefined ? {} : { step }),
    });
  };
}
