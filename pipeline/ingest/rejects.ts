import type { Cell, RowFault } from "../files/columns/batch.ts";
import { Failure } from "../failure.ts";
import type { TableColumn } from "../store/table.ts";

/**
 * The file in which rows that cannot be loaded are set aside: newline-delimited JSON,
 * `{"table":…,"file":…,"row":…,"column":…,"reason":…,"values":{…},"line":…}`. A value that cannot be loaded is there as it stands
 * in the file; a row whose values cannot be told apart has its `line` in place of them.
 */
export interface RejectsFile {
  readonly path: string;
  /** Sets a row aside. */
  add(fault: RowFault, from: RejectedFrom): void;
  /** Makes what was added since the last call last. */
  keep(): void;
  /** Takes back what was added since `keep`: its file was not loaded. */
  takeBack(): void;
  close(): void;
}

export interface RejectedFrom {
  readonly table: string;
  readonly file: string;
  readonly columns: readonly TableColumn[];
}

const pendingCharactersMax = 2 ** 20;

/**
 * Starts the file anew.
 *
 * @throws {Failure} `file-unwritable` where it cannot be written.
 */
export function openRejects(path: string): RejectsFile {
  const file = attempt(path, () => Deno.openSync(path, { write: true, create: true, truncate: true }));
  const encoder = new TextEncoder();
  let pending = "";
  let [size, keptSize] = [0, 0];
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
    add({ row, column, detail, cells, line: text }, { table, file: name, columns }) {
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
    keep() {
      flush();
      keptSize = size;
    },
    takeBack() {
      pending = "";
      size = keptSize;
      attempt(path, () => {
        file.truncateSync(size);
        file.seekSync(size, Deno.SeekMode.Start);
      });
    },
    close: () => file.close(),
  };
}

/** JSON has no integers beyond 2^53 that every reader keeps. */
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
