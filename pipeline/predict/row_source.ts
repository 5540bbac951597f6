import { formatOf } from "../files/open_file.ts";
import { openLineRows } from "./line_rows.ts";
import type { RowSource, RowSourceOptions } from "./row_batch.ts";
import { openTableRows } from "./table_rows.ts";

/**
 * Opens a file of rows; its content says of which format, whatever its name.
 *
 * @throws {Failure} `file-missing`, `file-invalid`
 */
export function openRows(path: string, options: RowSourceOptions): RowSource {
  return formatOf(path, options.textFormat) === "ndjson"
    ? openLineRows(path, options)
    : openTableRows(path, options);
}
