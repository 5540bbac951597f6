import { Failure, usageInvalid } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import { type FoundLabel, labelOf } from "./label.ts";
import { type LabelTable, labelTableOf, proposeLabelTables } from "./label_table.ts";
import { listed } from "./names.ts";
import { findColumn, findTable } from "./places.ts";
import type { TableProfile } from "./profile.ts";
import { type RatioLabel, ratioLabel } from "./ratio_label.ts";
import type { NearMiss } from "./near_misses.ts";
import type { Reference } from "./references.ts";

/** The label of several tables, and the table with a row for each example. */
export type LabelChoice =
  | { readonly is: "column"; readonly examples: TableProfile; readonly found: FoundLabel }
  | ExistsLabel
  | RatioLabel;

/** A label that is 1 for the rows of the examples to which a row of another table refers. */
export interface ExistsLabel {
  readonly is: "exists";
  readonly examples: TableProfile;
  readonly by: LabelTable;
  /** Keys of such rows among those that were looked at, as texts. Empty until they are looked up. */
  readonly clicked: ReadonlySet<string>;
}

/**
 * Chooses the label.
 *
 * @param wish What the user named: COLUMN, TABLE.COLUMN, TABLE or CLICKS/IMPRESSIONS. Without it, a column that is named like a label
 *   is taken, else a table whose key is a part of another's.
 * @throws {Failure} `usage-invalid` if no label, or more than one, could be meant; `examples-invalid` for a column that is none.
 */
export function chooseLabel(
  profiles: readonly TableProfile[],
  found: { readonly references: readonly Reference[]; readonly nearMisses: readonly NearMiss[] },
  wish: string | undefined,
): LabelChoice {
  const { references } = found;
  if (wish === undefined) return findLabel(profiles, found);
  const place = findColumn(profiles, wish);
  if (place) {
    return { is: "column", examples: place.profile, found: labelOf(place.profile, place.column.name) };
  }
  const table = profiles.length > 1 ? findTable(profiles, wish) : undefined;
  if (table) return existsLabel(table, { profiles, references });
  const counts = /^(.+)\/(.+)$/.exec(wish);
  if (counts) return countsLabel(counts[1].trim(), counts[2].trim(), { profiles, references });
  if (profiles.length === 1) {
    return { is: "column", examples: profiles[0], found: labelOf(profiles[0], wish) };
  }
  throw usageInvalid(
    `--label is ${
      JSON.stringify(wish)
    }, but no table has such a column, and no table has this name. There are ${
      profiles.map(shownTable).join("; ")
    }.`,
  );
}

function shownTable({ name, columns }: TableProfile): string {
  return `${name} (${listed(columns.map((column) => column.name), 12)})`;
}

/** Returns the label of two counts; of two tables, the one whose rows are clicks on rows of the other. */
function countsLabel(clicks: string, impressions: string, tables: Tables): LabelChoice {
  const { profiles } = tables;
  const table = findColumn(profiles, clicks) ? undefined : findTable(profiles, clicks);
  return table && findTable(profiles, impressions)
    ? existsLabel(table, tables)
    : ratioLabel(profiles, clicks, impressions);
}

interface Tables {
  readonly profiles: readonly TableProfile[];
  readonly references: readonly Reference[];
}

function existsLabel(table: TableProfile, { profiles, references }: Tables): LabelChoice {
  const by = labelTableOf(table.name, references, rowCounts(profiles));
  if (by) return { is: "exists", examples: profileOf(profiles, by.examples), by, clicked: new Set() };
  const others = profiles.filter((profile) => profile !== table);
  throw usageInvalid(
    `--label is the table ${table.name}, but none of its columns (${
      listed(table.columns.map(({ name }) => name), 12)
    }) has the values of a key of ${
      listed(others.map(({ name }) => name))
    }. Name the column with --join ${table.name}.COLUMN=${others[0].name}.COLUMN`,
  );
}

function profileOf(profiles: readonly TableProfile[], name: string): TableProfile {
  const found = profiles.find((profile) => profile.name === name);
  if (!found) throw new Error(`no table ${name} was looked at`);
  return found;
}

function rowCounts(profiles: readonly TableProfile[]): Map<string, number> {
  return new Map(profiles.map(({ name, rowCount }) => [name, rowCount]));
}

function findLabel(
  profiles: readonly TableProfile[],
  { references, nearMisses }: {
    readonly references: readonly Reference[];
    readonly nearMisses: readonly NearMiss[];
  },
): LabelChoice {
  if (profiles.length === 1) {
    return { is: "column", examples: profiles[0], found: labelOf(profiles[0]) };
  }
  const columns = profiles.flatMap((examples) => {
    const found = foundLabel(examples);
    return found ? [{ is: "column" as const, examples, found }] : [];
  });
  const tables = columns.length > 0 ? [] : proposeLabelTables(references, rowCounts(profiles));
  const choices = [
    ...columns,
    ...tables.map((by) => ({
      is: "exists" as const,
      examples: profileOf(profiles, by.examples),
      by,
      clicked: new Set<string>(),
    })),
  ];
  if (choices.length === 1) return choices[0];
  const names = [
    ...columns.map(({ examples, found }) => `${examples.name}.${found.column.name}`),
    ...tables.map(({ table }) => table),
  ];
  throw names.length > 0 ? labelAmbiguous(names) : noLabel(profiles, nearMisses);
}

function labelAmbiguous(names: readonly string[]): Failure {
  const shown = names.map(printable).join(", ");
  return usageInvalid(`Several things could be the label: ${shown}. Name one of them: --label ${names[0]}`);
}

function noLabel(profiles: readonly TableProfile[], nearMisses: readonly NearMiss[]): Failure {
  const names = listed(profiles.map(({ name }) => name));
  const near = nearMisses.slice(0, 3).map(({ text }) => ` ${text}.`).join("");
  return usageInvalid(
    `There is no label: no column of ${names} has two values and the name of an outcome, and no table has keys that are a part of ` +
      `another's. There are ${
        profiles.map(shownTable).join("; ")
      }.${near} Name a column of two values, or the table of the ` +
      "outcomes, with --label.",
  );
}

/** Returns the column that is named like a label, if there is exactly one. */
function foundLabel(profile: TableProfile): FoundLabel | undefined {
  try {
    return labelOf(profile);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
