import type { RowAccount } from "../pipeline/examples/row_account.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { grouped } from "../pipeline/counted.ts";

type Rows = ArtifactMetadata["data"]["rows"];

/** The names of the columns that decide whether a row is trained on. */
interface Columns {
  readonly label?: unknown;
  readonly weight?: unknown;
  readonly time?: unknown;
}

/**
 * Describes what happened to the rows of a training: one line for the rows that were read, one for those missing from the view.
 *
 * @param rows As in the metadata of a model; models of 0.1.0 lack `read`.
 */
export function describeRows(
  rows: Rows,
  { label, weight, time }: Columns,
  { orphans, known }: Pick<RowAccount, "orphans" | "known"> = {},
): string[] {
  const lines: string[] = [];
  if (rows.read !== undefined) {
    const parts = [
      [rows.train, "trained on"],
      [rows.validation, "for validation"],
      [rows.test, "held out"],
      [rows.left_out, "left out by --negatives"],
      [rows.no_label, `without a label (${label})`],
      [rows.zero_weight, `of weight 0 (${weight})`],
      [rows.straddling, "left out since their group is held out later"],
      [rows.immature, "younger than --mature"],
      [rows.no_time, `without a time (${time})`],
    ] as const;
    const named = parts.flatMap(([count, what]) =>
      count === undefined || count === 0 ? [] : [`${grouped(count)} ${what}`]
    );
    const others = known === undefined ? "" : `; ${grouped(known)} were known`;
    lines.push(`${grouped(rows.read)} rows read: ${named.join(", ")}${others}`);
  }
  if (orphans && orphans.rows > 0) {
    lines.push(
      `${
        grouped(orphans.rows)
      } rows of ${orphans.table} are not in the view: the rows they refer to are not in ${
        orphans.parents.join(" or ")
      }`,
    );
  }
  return lines;
}

/** Returns the rows of an update in the form of a model's metadata. */
export function newRows(trained: number, { read, noLabel, zeroWeight }: RowAccount): Rows {
  return { train: trained, test: 0, left_out: 0, read, no_label: noLabel, zero_weight: zeroWeight };
}

/** Returns the `rows` of `--json`. `read` is the sum of the others except `orphans`, which are not in the view. */
export function rowsResult(
  { train, test, validation, left_out: negatives, read, no_label, zero_weight, ...excluded }: Rows,
  { orphans }: Pick<RowAccount, "orphans"> = {},
): Record<string, unknown> {
  return {
    ...(read === undefined ? {} : { read }),
    train,
    test,
    ...(validation === undefined ? {} : { validation }),
    left_out: { negatives, no_label: no_label ?? 0, zero_weight: zero_weight ?? 0, ...excluded },
    ...(orphans ? { orphans: orphans.rows } : {}),
  };
}
