import { usageInvalid } from "../failure.ts";
import type { ColumnProfile } from "./column_profile.ts";
import { namedColumn } from "./label.ts";
import { findColumn, type Place } from "./places.ts";
import type { TableProfile } from "./profile.ts";
import type { Reference } from "./references.ts";

/** A label of two counts of each row: how often it was clicked, and how often it was shown. */
export interface RatioLabel {
  readonly is: "ratio";
  readonly examples: TableProfile;
  /** The table of the clicks, if it is not that of the examples. */
  readonly clicksTable: TableProfile | undefined;
  readonly clicks: ColumnProfile;
  readonly impressions: ColumnProfile;
}

/**
 * Returns the label of two counts. The table of the impressions has a row for each example.
 *
 * @throws {Failure} `usage-invalid` if they are no counts, or there are more clicks than impressions.
 */
export function ratioLabel(
  profiles: readonly TableProfile[],
  clicksName: string,
  impressionsName: string,
): RatioLabel {
  const clicks = findColumn(profiles, clicksName) ?? lacking(profiles, clicksName);
  const own = findColumn([clicks.profile], impressionsName);
  const impressions = own ?? findColumn(profiles, impressionsName) ?? lacking(profiles, impressionsName);
  for (const place of [clicks, impressions]) requireCount(place);
  if (own) requireShare(clicks, own);
  return {
    is: "ratio",
    examples: impressions.profile,
    clicksTable: own ? undefined : clicks.profile,
    clicks: clicks.column,
    impressions: impressions.column,
  };
}

function lacking(profiles: readonly TableProfile[], name: string): never {
  if (profiles.length === 1) namedColumn(profiles[0], name, "--label");
  throw usageInvalid(`--label names ${JSON.stringify(name)} as a count, but no table has such a column.`);
}

function requireShare({ profile, column: clicks }: Place, { column: impressions }: Place): void {
  const [few, many] = [clicks.values, impressions.values];
  if (few.is !== "numbers" || many.is !== "numbers") return;
  const row = few.numbers.findIndex((count, i) => count > many.numbers[i]);
  if (row < 0) return;
  const rowCount = few.numbers.filter((count, i) => count > many.numbers[i]).length.toLocaleString("en");
  throw usageInvalid(
    `--label is ${clicks.name}/${impressions.name}, but ${rowCount} of the rows of ${profile.name} that were looked at have more ` +
      `${clicks.name} than ${impressions.name}, such as ${few.numbers[row]} and ${
        many.numbers[row]
      }. Write --label ` +
      "CLICKS/IMPRESSIONS, the clicks among the impressions first, and correct such rows.",
  );
}

function requireCount({ profile: { name: table }, column: { name, kind, range, nulls } }: Place): void {
  const isNumber = kind === "integer" || kind === "real";
  const problem = !isNumber
    ? `is no column of numbers but ${kind}`
    : (range?.min ?? 0) < 0
    ? `has the value ${range?.min}`
    : nulls > 0
    ? `has no value in ${nulls.toLocaleString("en")} rows`
    : undefined;
  if (problem === undefined) return;
  throw usageInvalid(
    `--label names ${table}.${name} as a count, but it ${problem}. Expected how often each row was clicked and shown: 0 or more in ` +
      "every row.",
  );
}

/**
 * Returns the references by which the clicks are joined to the impressions: a row without clicks may have none in their table.
 *
 * @throws {Failure} `usage-invalid` if several rows of clicks belong to one of impressions.
 */
export function withClicksJoined(
  { examples, clicksTable, clicks }: RatioLabel,
  references: readonly Reference[],
): readonly Reference[] {
  if (!clicksTable) return references;
  const joins = ({ table, parent }: Reference, from: TableProfile, to: TableProfile) =>
    table === from.name && parent === to.name;
  const forth = references.filter((reference) => joins(reference, examples, clicksTable));
  if (forth.length > 0) {
    return references.map((each) => forth.includes(each) ? { ...each, isOptional: true } : each);
  }
  const back = references.find((reference) => joins(reference, clicksTable, examples));
  if (!back) return references;
  const { table, column, parent, key } = back;
  if (!back.isOneToOne) {
    throw usageInvalid(
      `--label names the counts ${table}.${clicks.name}, but several rows of ${table} belong to one row of ${parent} (${column}). ` +
        `Sum them for each ${key} first.`,
    );
  }
  const valueCount = Math.max(back.foundCount, examples.rowsLookedAt);
  const reversed = { table: parent, column: key, parent: table, key: column, valueCount, isOptional: true };
  return [...references, { ...back, ...reversed }];
}
