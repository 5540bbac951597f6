import type { Cell, RowFault } from "../files/columns/batch.ts";
import { Failure } from "../failure.ts";
import type { TableColumn } from "../store/table.ts";

/**
 * A file of rows that cannot be loaded, in newline-delimited JSON:
 * `{"table":…,"file":…,"row":…,"column":…,"reason":…,"values":{…},"line":…}`. A value that cannot be loaded is written as it is
 * in the source file; a row that cannot be split into values has its `line` instead.
 */
export type RejectsFile = ReturnType<typeof openRejects>;

export interface RejectedFrom {
  readonly table: string;
  readonly file: string;
  readonly columns: readonly TableColumn[];
}

const pendingCharactersMax = 2 ** 20;

/** Creates or empties the file. @throws {Failure} `file-unwritable` */
export function openRejects(path: string) {
  const file = attempt(path, () => Deno.openSync(path, { write: true, create: true, truncate: true }));
  const encoder = new TextEncoder();
  let pending = "";
  let [size, committedSize] = [0, 0];
  const flush = () => {
    const bytes = encoder.encode(pending);
    attempt(path, () => {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    });
    size += bytes.length;
    pending = "";
  };
  return {
    path,
    add(
      { row, column, detail, cells, line: text }: RowFault,
      { table, file: name, columns }: RejectedFrom,
    ): void {
      const values = Object.fromEntries(columns.map((target, i) => [target.name, jsonOf(cells[i])]));
      const line = {
        table,
        file: name,
        row,
        ...(column === undefined ? {} : { column }),
        reason: detail,
        values,
        ...(text === undefined ? {} : { line: text }),
      };
      pending += `${JSON.stringify(line)}\n`;
      if (pending.length >= pendingCharactersMax) flush();
    },
    /** Makes the rows added since the last call permanent. */
    commit(): void {
      flush();
      committedSize = size;
    },
    /** Removes the rows added since `commit`: their file was not loaded. */
    rollback(): void {
      pending = "";
      size = committedSize;
      attempt(path, () => {
        file.truncateSync(size);
        file.seekSync(size, Deno.SeekMode.Start);
      });
    },
    close: (): void => file.close(),
  };
}

/** Integers beyond 2^53 are written as strings: not every JSON parser keeps them exact. */
function jsonOf(cell: Cell | undefined): string | number | null {
  return typeof cell === "bigint" ? String(cell) : cell ?? null;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Failure(
      "file-unwritable",
      `Cannot write ${path}: ${
        error instanceof Error ? error.message : error
      }. Choose another file with --rejects`,
    );
  }
}
