import { basename } from "node:path";
import { Failure, usageInvalid } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import type { ColumnProfile } from "./column_profile.ts";
import { type FoundLabel, labelOf, namedColumn } from "./label.ts";
import { type LabelTable, labelTableOf, proposeLabelTables } from "./label_table.ts";
import { listed, wordsOf } from "./names.ts";
import type { TableProfile } from "./profile.ts";
import type { NearMiss } from "./near_misses.ts";
import type { Reference } from "./references.ts";

/** The label of several tables, and the table with a row for each example. */
export type LabelChoice =
  | { readonly is: "column"; readonly examples: TableProfile; readonly found: FoundLabel }
  | ExistsLabel
  /** Two counts of each row: how often it was clicked, and how often it was shown. */
  | {
    readonly is: "ratio";
    readonly examples: TableProfile;
    readonly clicks: ColumnProfile;
    readonly impressions: ColumnProfile;
  };

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
  if (counts) return ratioLabel(profiles, counts[1].trim(), counts[2].trim());
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

interface Place {
  readonly profile: TableProfile;
  readonly column: ColumnProfile;
}

/**
 * Finds a column by COLUMN or TABLE.COLUMN.
 *
 * @throws {Failure} `usage-invalid` if several tables have it.
 */
export function findColumn(
  profiles: readonly TableProfile[],
  name: string,
  flag = "--label",
): Place | undefined {
  const places = placesOf(profiles, (column) => column === name);
  const loose = places.length > 0 ? places : placesOf(profiles, (column) => isSameName(column, name));
  if (loose.length > 1) {
    const names = loose.map(({ profile, column }) => `${profile.name}.${column.name}`);
    throw usageInvalid(
      `${flag} is ${JSON.stringify(name)}, which ${
        listed(loose.map(({ profile }) => profile.name))
      } have: write ${flag} ${names.join(` or ${flag} `)}`,
    );
  }
  if (loose.length === 1) return loose[0];
  const dot = name.indexOf(".");
  const table = dot > 0 ? findTable(profiles, name.slice(0, dot)) : undefined;
  return table && placesOf([table], (column) => isSameName(column, name.slice(dot + 1)))[0];
}

function placesOf(profiles: readonly TableProfile[], isMeant: (column: string) => boolean): Place[] {
  return profiles.flatMap((profile) =>
    profile.columns.filter(({ name }) => isMeant(name)).map((column) => ({ profile, column }))
  );
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Finds a table by its name, by that of its file, or by its last word: `clicks` of `ds_clicks`. */
export function findTable(profiles: readonly TableProfile[], name: string): TableProfile | undefined {
  const exact = profiles.find((profile) => isSameName(profile.name, name)) ??
    profiles.find(({ path }) => path === name || basename(path) === name);
  if (exact) return exact;
  const byWord = profiles.filter((profile) => wordsOf(profile.name).at(-1) === name.toLowerCase());
  return byWord.length === 1 ? byWord[0] : undefined;
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

/** @throws {Failure} `usage-invalid` if the columns are not counts of one table, or do not count shares. */
function ratioLabel(
  profiles: readonly TableProfile[],
  clicksName: string,
  impressionsName: string,
): LabelChoice {
  const place = findColumn(profiles, clicksName);
  if (!place) {
    if (profiles.length === 1) namedColumn(profiles[0], clicksName, "--label");
    throw usageInvalid(
      `--label is ${clicksName}/${impressionsName}, but no table has a column ${clicksName}.`,
    );
  }
  const { profile: examples, column: clicks } = place;
  const bare = impressionsName.replace(new RegExp(`^${RegExp.escape(examples.name)}\\.`, "i"), "");
  const impressions = namedColumn(examples, bare, "--label");
  for (const column of [clicks, impressions]) requireCount(examples, column);
  const [few, many] = [clicks.values, impressions.values];
  if (few.is === "numbers" && many.is === "numbers") {
    const row = few.numbers.findIndex((count, i) => count > many.numbers[i]);
    if (row >= 0) {
      const counts = few.numbers.filter((count, i) => count > many.numbers[i]).length;
      throw usageInvalid(
        `--label is ${clicks.name}/${impressions.name}, but ${
          counts.toLocaleString("en")
        } of the rows of ${examples.name} that were ` +
          `looked at have more ${clicks.name} than ${impressions.name}, such as ${few.numbers[row]} and ${
            many.numbers[row]
          }. ` +
          `Write --label CLICKS/IMPRESSIONS, the clicks among the impressions first, and correct such rows.`,
      );
    }
  }
  return { is: "ratio", examples, clicks, impressions };
}

function requireCount({ name: table }: TableProfile, { name, kind, range, nulls }: ColumnProfile): void {
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
