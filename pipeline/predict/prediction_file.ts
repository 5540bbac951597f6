import type { SchemaElement } from "hyparquet-writer";
import { extname } from "node:path";
import { usageInvalid } from "../failure.ts";
import type { Cell } from "../files/columns/batch.ts";
import { createParquetFile, partialPathOf } from "../files/parquet/writer.ts";
import { createTextFile, type TextFile, unheldText } from "../files/text/text_file.ts";
import { createEarlySync, type EarlySync } from "../files/written_file.ts";
import type { ColumnType } from "../store/table.ts";
import { createCollectedColumn } from "./collected_column.ts";
import { batchRows, type KeptColumn, type RowBatch } from "./row_batch.ts";

/** A file of probabilities, written under a temporary name until it is published. */
export interface PredictionFile {
  /**
   * @param batch Its kept columns are written.
   * @param probabilities Shape (rows); NaN for none.
   */
  append(batch: Pick<RowBatch, "kept" | "typed">, probabilities: Float64Array): void;
  /** Writes the remaining rows and renames the file. */
  publish(): Promise<void>;
  /** Removes the file unless it is published. */
  discard(): Promise<void>;
}

/** A file that is synced only when it is published. */
type UnsyncedFile = Pick<PredictionFile, "append"> & Pick<TextFile, "publish" | "discard">;

export const predictionFormats = ["csv", "ndjson", "parquet"] as const;
export type PredictionFormat = (typeof predictionFormats)[number];

/** Name of the column of probabilities. */
export const probabilityColumn = "probability";

/**
 * Starts a file of kept columns and probabilities.
 *
 * @throws {Failure} `file-unwritable`; `usage-invalid` if a kept column has the name of the probability column.
 */
export function createPredictionFile(
  out: PredictionOut,
  format: PredictionFormat,
  kept: readonly KeptColumn[],
): PredictionFile {
  if (kept.some(({ name }) => name === probabilityColumn)) {
    throw usageInvalid(
      `--keep cannot name a column ${probabilityColumn}: the output has a column of that name.`,
    );
  }
  const file = openFile(out, format, kept);
  return syncedEarly(file, typeof out === "string" ? createEarlySync(partialPathOf(out)) : undefined);
}

/** Rows after which what was written is synced, in another thread. */
const syncedRows = 65_536;

function syncedEarly(file: UnsyncedFile, early: EarlySync | undefined): PredictionFile {
  let unsynced = 0;
  return {
    append(batch, probabilities) {
      file.append(batch, probabilities);
      unsynced += probabilities.length;
      if (unsynced < syncedRows) return;
      unsynced = 0;
      early?.start();
    },
    async publish() {
      await early?.end();
      file.publish();
    },
    async discard() {
      await early?.end();
      file.discard();
    },
  };
}

function openFile(out: PredictionOut, format: PredictionFormat, kept: readonly KeptColumn[]): UnsyncedFile {
  if (format !== "parquet") return format === "csv" ? csvFile(out, kept) : linesFile(out, kept);
  if (typeof out !== "string") throw usageInvalid("Parquet can only be written to a file.");
  return parquetFile(out, kept);
}

/** Returns the format that a file's extension names. @throws {Failure} `usage-invalid` */
export function predictionFormatOf(path: string): PredictionFormat {
  const ending = extname(path).slice(1).toLowerCase();
  const found = predictionFormats.find((format) => format === (ending === "jsonl" ? "ndjson" : ending));
  if (found) return found;
  throw usageInvalid(
    `--out is ${JSON.stringify(path)}, expected a name that ends in .csv, .ndjson, .jsonl or .parquet.`,
  );
}

/** Destination of the predictions: the path of a file, or a function that writes text. */
export type PredictionOut = string | ((text: string) => void);

function openOut(out: PredictionOut): TextFile {
  return typeof out === "string" ? createTextFile(out) : unheldText(out);
}

function csvFile(out: PredictionOut, kept: readonly KeptColumn[]): UnsyncedFile {
  const file = openOut(out);
  file.append(`${[...kept.map(({ name }) => csvText(name)), probabilityColumn].join(",")}\n`);
  return {
    ...file,
    append({ kept: columns }, probabilities) {
      let text = "";
      for (let i = 0; i < probabilities.length; i++) {
        for (const column of columns) text += `${csvCell(column[i])},`;
        text += probabilities[i] === probabilities[i] ? `${probabilities[i]}\n` : "\n";
      }
      file.append(text);
    },
  };
}

/** Writes null as an empty field and empty text as a quoted one, so that programs can distinguish them. @see RFC 4180 */
function csvCell(cell: Cell): string {
  return cell === null ? "" : typeof cell === "string" ? csvText(cell) : String(cell);
}

function csvText(text: string): string {
  return text === "" || /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function linesFile(out: PredictionOut, kept: readonly KeptColumn[]): UnsyncedFile {
  const file = openOut(out);
  const names = kept.map(({ name }) => JSON.stringify(name));
  return {
    ...file,
    append({ kept: columns }, probabilities) {
      let text = "";
      for (let i = 0; i < probabilities.length; i++) {
        text += "{";
        columns.forEach((column, c) => text += `${names[c]}:${jsonCell(column[i])},`);
        text += `"${probabilityColumn}":${
          probabilities[i] === probabilities[i] ? probabilities[i] : null
        }}\n`;
      }
      file.append(text);
    },
  };
}

function jsonCell(cell: Cell): string {
  return typeof cell === "bigint" ? String(cell) : JSON.stringify(cell);
}

const optional = { repetition_type: "OPTIONAL" } as const;
const elements: Readonly<Record<ColumnType, Omit<SchemaElement, "name">>> = {
  INTEGER: { type: "INT64", ...optional },
  REAL: { type: "DOUBLE", ...optional },
  TEXT: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" }, ...optional },
};

/** Maximum rows of a row group, which are in memory until written. */
const rowGroupRowsMax = 65_536;

function parquetFile(path: string, kept: readonly KeptColumn[]): UnsyncedFile {
  const types = [...kept.map(({ type }) => type), "REAL" as const];
  const names = [...kept.map(({ name }) => name), probabilityColumn];
  const file = createParquetFile(path, {
    columns: names.map((name, i) => ({ name, ...elements[types[i]] })),
    createdBy: "clickwell predict",
    isQuick: true,
  });
  const collected = types.map((type) => createCollectedColumn(type, rowGroupRowsMax + batchRows));
  const [own] = collected.slice(-1);
  const flush = (): void => {
    if (own.length() > 0) file.append(collected.map((column) => column.take()));
  };
  return {
    append({ kept: columns, typed }, probabilities) {
      // Cells are only made where they are read.
      for (let c = 0; c < columns.length; c++) {
        const column = typed?.kept[c];
        if (column === undefined || !collected[c].appendTyped(column, probabilities.length)) {
          collected[c].appendCells(columns[c]);
        }
      }
      own.appendReals(probabilities);
      if (own.length() >= rowGroupRowsMax) flush();
    },
    publish() {
      flush();
      file.end();
      file.publish();
    },
    discard: file.discard,
  };
}
