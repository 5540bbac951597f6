import { nearestName } from "../did_you_mean.ts";
import { Failure, usageInvalid } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import type { ColumnProfile, LevelCount } from "./column_profile.ts";
import { labelRank, listed } from "./names.ts";
import type { TableProfile } from "./profile.ts";
import { marker } from "./text_kind.ts";

/** A column of two values, and the one that means 1. */
export interface FoundLabel {
  readonly column: ColumnProfile;
  /** The value that means 1; undefined for 0 and 1. */
  readonly positive: string | undefined;
  /** Whether `positive` is a word for yes, and not just the rarer of two texts or the greater of two numbers. */
  readonly isCertain: boolean;
  /** Share of the rows looked at whose label is 1, among those that have one. */
  readonly share: number;
}

const positives = new Set(
  ("1 wahr vrai on yes y true t ja j oui si sí positive pos success won good click clicked " +
    "converted opened responded accepted approved bought subscribed churned").split(" "),
);
const negatives = new Set(
  ("0 falsch faux off no n false f nein non negative neg failure lost bad none - ignored").split(" "),
);

/**
 * Finds the label among the columns of a table.
 *
 * @param name The column that the user named; without it, a column of two values that is named like a label.
 * @throws {Failure} `usage-invalid` if no column or several could be it; `examples-invalid` if it does not have two values.
 */
export function labelOf(table: TableProfile, name?: string): FoundLabel {
  requireRows(table);
  if (name !== undefined) return checkLabel(table, namedColumn(table, name, "--label"));
  const candidates = table.columns.filter(hasTwoValues);
  const ranked = candidates.flatMap((column) => {
    const rank = labelRank(column.name);
    return rank === undefined ? [] : [{ column, rank }];
  }).sort((a, b) => a.rank - b.rank);
  const isClear = ranked.length > 0 && (ranked.length === 1 || ranked[0].rank < ranked[1].rank);
  if (!isClear) {
    throw labelMissing(
      table,
      ranked.length > 0 ? ranked.map(({ column }) => column) : candidates,
    );
  }
  return checkLabel(table, ranked[0].column);
}

/** @throws {Failure} `examples-invalid` for a table without two rows. */
function requireRows({ path, rowCount }: TableProfile): void {
  if (rowCount >= 2) return;
  throw new Failure(
    "examples-invalid",
    `Cannot make a model of ${path}: it has ${
      rowCount === 0 ? "no row" : "one row"
    }, expected rows of both outcomes. Give a file ` +
      "with more rows.",
  );
}

/** Returns a column by its name, in any case. @throws {Failure} `usage-invalid` if the table has none. */
export function namedColumn(
  { columns, path, title }: TableProfile,
  name: string,
  flag: string,
): ColumnProfile {
  const found = columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  if (found) return found;
  const names = columns.map((column) => column.name);
  const near = nearestName(name, names);
  throw usageInvalid(
    `${flag} is ${JSON.stringify(name)}, but ${path} has no column of that name.${
      near === undefined ? "" : ` Did you mean ${printable(near)}?`
    } It has ${listed(names)}.${title === undefined ? "" : ` ${title}`}`,
  );
}

function hasTwoValues({ distinct, kind }: ColumnProfile): boolean {
  return distinct === 2 && kind !== "time" && kind !== "date";
}

function isZeroOne(levels: ColumnProfile["levels"]): boolean {
  return levels.every(({ level }) => level === "0" || level === "1");
}

/** @throws {Failure} `examples-invalid` if the column does not have two values that can be 0 and 1. */
function checkLabel(table: TableProfile, column: ColumnProfile): FoundLabel {
  const { kind, distinct, levels, rows, nulls } = column;
  const isNumber = kind === "integer" || kind === "real";
  const isWhole = table.rowsLookedAt >= table.rowCount;
  // One of the two may be so rare that the rows looked at do not have it.
  const mayBeRare = !isWhole && distinct === 1 && ((isNumber && isZeroOne(levels)) || kind === "boolean");
  if (!hasTwoValues(column) && !mayBeRare) throw labelInvalid(table, column);
  const ones = levels.find(({ level }) => level === "1")?.count ?? 0;
  const present = Math.max(1, rows - nulls);
  if (kind === "boolean" || (isNumber && isZeroOne(levels))) {
    return { column, positive: undefined, isCertain: true, share: ones / present };
  }
  const [frequent, rare] = levels;
  const certain = isNumber ? levels.find(({ level }) => level === "1" && isSigns(levels)) : certainOf(levels);
  const positive = certain ?? (isNumber ? greaterOf(frequent, rare) : rare ?? frequent);
  return {
    column,
    positive: positive.level,
    isCertain: certain !== undefined,
    share: positive.count / present,
  };
}

/** Returns whether the values are −1 and 1. */
function isSigns(levels: readonly LevelCount[]): boolean {
  return levels.every(({ level }) => level === "-1" || level === "1");
}

function greaterOf(a: LevelCount, b: LevelCount): LevelCount {
  return Number(b.level) > Number(a.level) ? b : a;
}

/** Returns the one of two texts that is a word for yes, or is not the one for no. */
function certainOf(levels: readonly LevelCount[]): LevelCount | undefined {
  return levels.find(({ level }) => positives.has(folded(level))) ??
    otherOf(levels, levels.find(({ level }) => negatives.has(folded(level))));
}

function folded(level: string): string {
  return level.trim().toLowerCase();
}

function otherOf<T>(two: readonly T[], one: T | undefined): T | undefined {
  return one === undefined ? undefined : two.find((other) => other !== one);
}

/** Share of the rows whose values are rather mistakes, or no outcome, than a third one; and how many such values there may be. */
const [strayShareMax, strayValuesMax] = [0.02, 5];

/** Returns the values that keep a column from having two, if they are few, or all of them mean no value. */
function straysOf({ levels, distinct, rows, nulls }: ColumnProfile): LevelCount[] {
  const markers = levels.filter(({ level }) => marker.test(level.trim()));
  if (distinct === levels.length && markers.length > 0 && distinct === markers.length + 2) return markers;
  const others = levels.slice(2);
  const count = others.reduce((sum, { count }) => sum + count, 0);
  const areFew = distinct === levels.length && others.length <= strayValuesMax &&
    count <= strayShareMax * (rows - nulls) && others.every((other) => other.count < levels[1].count / 2);
  return areFew ? others : [];
}

function labelInvalid({ path, fileFormat, rowsLookedAt }: TableProfile, column: ColumnProfile): Failure {
  const { name, kind, distinct, levels, range, nulls } = column;
  const rows = `the ${rowsLookedAt.toLocaleString("en")} rows looked at`;
  const is = (what: string, remedy: string, expected = "two values") =>
    new Failure(
      "examples-invalid",
      `Cannot use ${printable(name)} of ${path} as the label: ${what}, expected ${expected}. ${remedy}`,
    );
  if (distinct === 0) return is(`it has no value in ${rows}`, "Name another column with --label.");
  if (distinct === 1 && nulls > 0) {
    return is(
      `it has one value, ${JSON.stringify(levels[0].level)}, and none in ${
        nulls.toLocaleString("en")
      } of ${rows}`,
      "A row without a label is kept, and not trained on: if it means that the outcome did not happen, write 0 there.",
    );
  }
  if (distinct === 1) {
    return is(
      `it has one value, ${JSON.stringify(levels[0].level)}, in ${rows}`,
      "A model needs rows of both outcomes: add the others, or name another column with --label.",
    );
  }
  if (kind === "time" || kind === "date") {
    return is(
      `it is a ${kind}`,
      "Write a column that is 1 where the outcome happened, such as where the time is not empty, else 0, and name it with --label.",
    );
  }
  const isNumber = range !== undefined;
  const strays = straysOf(column);
  if (strays.length > 0) {
    const texts = strays.map(({ level }) => JSON.stringify(level)).join(" ");
    const count = strays.reduce((sum, { count }) => sum + count, 0);
    return is(
      `it has ${texts} in ${count.toLocaleString("en")} of ${rows}, beside ${
        levels.filter((level) => !strays.includes(level)).map(({ level }) => JSON.stringify(level)).join(
          " and ",
        )
      }`,
      `Correct or remove such rows; or leave the field empty where the outcome is not known${
        fileFormat === "parquet" || isNumber ? "" : `, which --null ${texts} does`
      }.`,
    );
  }
  if (isNumber) {
    return is(
      `it is a number, with ${distinct.toLocaleString("en")} values from ${range.min} to ${range.max}`,
      "clickwell predicts an outcome that happens or not: write a column that is 1 where it did, such as where the number is " +
        "above a limit, else 0, and name it with --label.",
    );
  }
  const spellings = levels.map(({ level }) => level);
  const meant = [...new Set(spellings.map(folded))];
  if (meant.length === 2) {
    return is(
      `it has ${distinct.toLocaleString("en")} values (${
        listed(spellings.map((text) => JSON.stringify(text)), 5)
      })`,
      `Write ${
        meant.map((text) => JSON.stringify(text)).join(" and ")
      } in one way each, in the same case and without spaces.`,
    );
  }
  return is(
    `it has ${distinct.toLocaleString("en")} values (${listed(spellings, 5)})`,
    "clickwell predicts an outcome that happens or not: write a column that is 1 for the value to predict, else 0, and name it " +
      "with --label.",
  );
}

function labelMissing({ path, columns, title }: TableProfile, candidates: readonly ColumnProfile[]): Failure {
  if (candidates.length === 0) {
    const seen = columns.map(({ name, kind, distinct }) =>
      `${printable(name)} (${kind}, ${distinct.toLocaleString("en")})`
    );
    return usageInvalid(
      `${path} has no column of two values that could be the label; it has, with the number of values, ${
        listed(seen, 12)
      }. ${
        title ?? "Add a column that is 1 where the outcome happened, else 0, and name it with --label COLUMN."
      }`,
    );
  }
  const names = candidates.map(({ name, levels }) =>
    `${printable(name)} (${levels.map(({ level }) => printable(level)).join(", ")})`
  );
  return usageInvalid(
    `${path} has ${candidates.length === 1 ? "one column" : `${candidates.length} columns`} of two values: ${
      listed(names, 12)
    }. Say which one is the label: --label ${candidates[0].name}`,
  );
}
