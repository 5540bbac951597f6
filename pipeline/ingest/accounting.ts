import { Failure } from "../failure.ts";
import type { RowFault } from "../files/columns/batch.ts";
import type { RowCounts } from "./insertion.ts";

/**
 * Checks that each row of a file has exactly one outcome.
 *
 * @param rowsRead Number of rows that the reader of the file counted.
 * @throws {Error} if a row is missing or counted twice. This is a bug; the load is rolled back.
 */
export function checkCounts(counts: RowCounts, rowsRead: number, fileName: string): void {
  const { read, inserted, unchanged, replaced, kept, rejected } = counts;
  const sum = inserted + unchanged + replaced + kept + rejected;
  if (read === rowsRead && sum === read) return;
  throw new Error(
    `rows of ${fileName} do not add up: ${rowsRead} in the file, ${read} read, ${sum} accounted for ` +
      `(${inserted} inserted, ${unchanged} unchanged, ${replaced} replaced, ${kept} kept, ${rejected} rejected)`,
  );
}

/** Returns the `row-rejected` of a file without any row that could be loaded: it fails even with a file for rejects. */
export function allRejected(
  { rejected }: RowCounts,
  first: RowFault,
  { fileName, rejectsPath }: { fileName: string; rejectsPath: string },
): Failure {
  const column = first.column === undefined ? "" : `, column "${first.column}"`;
  return new Failure(
    "row-rejected",
    `Cannot load ${fileName}: ${
      rejected === 1 ? "its only row was" : `all of its ${rejected.toLocaleString("en")} rows were`
    } rejected. Row ${
      first.row.toLocaleString("en")
    }${column}: ${first.detail}. The rows are in ${rejectsPath}. Correct the file, or the schema`,
  );
}
