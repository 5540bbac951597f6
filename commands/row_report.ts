import type { RowAccount } from "../pipeline/examples/row_account.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";

type Rows = ArtifactMetadata["data"]["rows"];

/** Names of the columns that decide whether a row is for training. */
interface Columns {
  readonly label?: unknown;
  readonly weight?: unknown;
}

/**
 * What became of the rows of a training, in words: a line for those that were read, and one for those that are not in the view.
 *
 * @param rows As a model's metadata has them; of 0.1.0, without what was read.
 */
export function describeRows(
  rows: Rows,
  { label, weight }: Columns,
  { orphans, known }: Pick<RowAccount, "orphans" | "known"> = {},
): string[] {
  const lines: string[] = [];
  if (rows.read !== undefined) {
    const parts = [
      [rows.train, "trained on"],
      [rows.validation, "to stop by"],
      [rows.test, "held out"],
      [rows.left_out, "left out by --negatives"],
      [rows.no_label, `without a label (${label})`],
      [rows.zero_weight, `of weight 0 (${weight})`],
    ] as const;
    const named = parts.flatMap(([count, what]) =>
      count === undefined || count === 0 ? [] : [`${shown(count)} ${what}`]
    );
    const others = known === undefined ? "" : `; ${shown(known)} were known`;
    lines.push(`${shown(rows.read)} rows read: ${named.join(", ")}${others}`);
  }
  if (orphans && orphans.rows > 0) {
    lines.push(
      `${shown(orphans.rows)} rows of ${orphans.table} are not in the view: what they refer to is not in ${
        orphans.parents.join(" or ")
      }`,
    );
  }
  return lines;
}

/** The rows of an update alone, as a model's metadata would have them. */
export function newRows(learnt: number, { read, noLabel, zeroWeight }: RowAccount): Rows {
  return { train: learnt, test: 0, left_out: 0, read, no_label: noLabel, zero_weight: zeroWeight };
}

/** What `--json` prints of the rows: `read` is the sum of the others, but for `orphans`, which are not in the view. */
export function rowsResult(
  { train, test, validation, left_out: negatives, read, no_label, zero_weight }: Rows,
  { orphans }: Pick<RowAccount, "orphans"> = {},
): Record<string, unknown> {
  return {
    ...(read === undefined ? {} : { read }),
    train,
    test,
    ...(validation === undefined ? {} : { validation }),
    left_out: { negatives, no_label: no_label ?? 0, zero_weight: zero_weight ?? 0 },
    ...(orphans ? { orphans: orphans.rows } : {}),
  };
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
