import { Failure } from "../failure.ts";
import type { RowsQuery } from "../store/checked_rows.ts";
import { quoted } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { viewColumnNames } from "./row_layout.ts";
import type { FeatureSpec } from "./spec.ts";

/**
 * Returns the query of the columns that training reads, in the order of `viewLayout`.
 *
 * @throws {Failure} `examples-invalid` if the store lacks the view, or the view a column.
 */
export function queryOf({ db }: Store, spec: FeatureSpec): RowsQuery {
  const columns = db.prepare("SELECT name FROM pragma_table_info(?)").all(spec.view).map((row) =>
    String(row.name)
  );
  if (columns.length === 0) {
    throw new Failure(
      "examples-invalid",
      `The store has no view "${spec.view}", which the feature spec reads. Name the view of your schema in "view".`,
    );
  }
  const names = viewColumnNames(spec);
  const known = new Set(columns);
  const lacking = names.filter((name) => !known.has(name));
  if (lacking.length > 0) {
    throw new Failure(
      "examples-invalid",
      `The view "${spec.view}" has no column ${lacking.join(", ")}, which the feature spec names; it has ${
        columns.join(", ")
      }. Correct the spec, or name another with --spec.`,
    );
  }
  return { columns: names.map(quoted), from: quoted(spec.view) };
}

/** Restricts a query to rows whose id, the first column, is above `after`. */
export function rowsAfter(query: RowsQuery, after: bigint | undefined): RowsQuery {
  return after === undefined
    ? query
    : { ...query, from: `${query.from} WHERE ${query.columns[0]} > ${after}` };
}
