import { Failure } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import type { ColumnProfile } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import { levelCount, orderedLevels, rowsPerLevel, type TableRows } from "./levels.ts";
import { isCodeName, isIdName } from "./names.ts";
import type { LeftOutColumn, ProposedFeature, TimePart } from "./proposal.ts";

/** A column of the view that may be a feature. */
export interface Field {
  /** Its name in the view. */
  readonly name: string;
  readonly column: ColumnProfile;
  /** The rows of its table. */
  readonly rows: TableRows;
  /** The name of its table: only columns of one table can be compared row by row. */
  readonly table: string;
}

export interface ProposedFields {
  readonly features: readonly ProposedFeature[];
  readonly leftOut: readonly LeftOutColumn[];
}

/**
 * Proposes a feature for each field, or leaves it out: what looks like an id, a constant, a duplicate or a free text.
 *
 * @param time The column of the view that is the time of the examples.
 */
export function fieldsOf(fields: readonly Field[], time?: string): ProposedFields {
  const features: ProposedFeature[] = [];
  const leftOut: LeftOutColumn[] = [];
  const kept: Field[] = [];
  for (const field of fields) {
    const feature = featureOf(field, time);
    const twin = kept.find((other) => isTwin(other, field));
    const why = whyLeftOut(field) ?? whyNoTime(feature) ??
      (twin && `it is the same as ${twin.name} in every row that was looked at`);
    if (why === undefined) {
      features.push(feature);
      kept.push(field);
    } else leftOut.push({ column: field.name, why, feature: withParts(feature) });
  }
  return { features, leftOut };
}

/** Columns that a message describes. */
const shownMax = 8;

/**
 * Makes features of the free texts if there is no other.
 *
 * @throws {Failure} `examples-invalid` if there is still none.
 */
export function withSomeFeature(proposed: ProposedFields): ProposedFields {
  if (proposed.features.length > 0) return proposed;
  const isText = ({ feature }: LeftOutColumn) => feature.type === "words";
  const features = proposed.leftOut.filter(isText).map(({ feature }) => feature);
  const leftOut = proposed.leftOut.filter((entry) => !isText(entry));
  if (features.length > 0) return { features, leftOut };
  const shown = leftOut.slice(0, shownMax).map(({ column, why }) =>
    `${printable(column)} (${why.replace(/\.$/, "")})`
  );
  const more = leftOut.length > shownMax ? ` and ${leftOut.length - shownMax} more` : "";
  throw new Failure(
    "examples-invalid",
    `There is no column from which to predict the label${
      shown.length === 0 ? "" : `: ${shown.join(", ")}${more}`
    }. Add columns with what is known of each row before the ` +
      "outcome, or join a file that has some.",
  );
}

/** Values with fewer rows each say nothing about other rows. */
const rowsPerLevelMin = 2;
/** Why a field is left out whose values occur in few rows. */
export const whyLikeId = `it is like an id: fewer than ${rowsPerLevelMin} rows have the same value`;
const freeTextWordsMin = 4;

/** @returns undefined for a field that is a feature. */
function whyLeftOut({ column, rows }: Field): string | undefined {
  const { name, kind, distinct, nulls, isUnique, length, levels } = column;
  if (kind === "empty") return "it has no value";
  if (distinct === 1 && nulls === 0) return `it is constant: ${JSON.stringify(levels[0].level)} in every row`;
  if (length !== undefined && isFreeText(column)) {
    return `it is a free text of ${length.words.toFixed(0)} words, with ${
      distinct.toLocaleString("en")
    } values`;
  }
  if (isNumbering(column, rows)) return "it is an id: it numbers the rows";
  if (kind !== "text" && !(kind === "integer" && isIdName(name))) return undefined;
  if (isUnique && distinct > 2) return "it is an id: no value occurs twice";
  return distinct > 2 && rowsPerLevel(column, rows) < rowsPerLevelMin ? whyLikeId : undefined;
}

/** Fewer integers may all differ by chance. */
const numberedRowsMin = 50;

/** Returns whether integers are nearly consecutive and all differ, in whatever order: drawn at random, some would be the same. */
function isNumbering(
  { kind, isUnique, range, distinct, nulls }: ColumnProfile,
  { rowCount }: TableRows,
): boolean {
  return kind === "integer" && isUnique && nulls === 0 && distinct >= numberedRowsMin &&
    range !== undefined &&
    range.max - range.min < 2 * rowCount;
}

function isFreeText({ distinct, length, rows, nulls }: ColumnProfile): boolean {
  const words = length?.words ?? 0;
  return words >= freeTextWordsMin && distinct > Math.max(20, (rows - nulls) / 10);
}

/** Returns whether two columns have the same values, or texts that correspond one to one. */
function isTwin(a: Field, b: Field): boolean {
  return a.table === b.table && a.column.distinct === b.column.distinct &&
    a.column.nulls === b.column.nulls &&
    a.column.distinct > 1 && hasEqualRows(a.column.values, b.column.values);
}

/** Compares values row by row; texts by whether they are equal in the same rows. */
export function hasEqualRows(a: ColumnValues, b: ColumnValues): boolean {
  if (a.is === "numbers" && b.is === "numbers") {
    return a.numbers.every((value, row) => Object.is(value, b.numbers[row]) || value === b.numbers[row]);
  }
  if (a.is !== "texts" || b.is !== "texts") return false;
  const [there, back] = [new Map<number, number>(), new Map<number, number>()];
  return a.codes.every((code, row) => {
    const other = b.codes[row];
    if (!there.has(code)) there.set(code, other);
    if (!back.has(other)) back.set(other, code);
    return there.get(code) === other && back.get(other) === code;
  });
}

/** Returns why a time is no feature, if none of its parts varies. */
function whyNoTime(feature: ProposedFeature): string | undefined {
  return feature.type === "time" && feature.parts.length === 0
    ? "it is the time of the examples, and rows to come have later ones"
    : undefined;
}

/** Returns an entry that a spec may have: one of a time has a part. */
function withParts(feature: ProposedFeature): ProposedFeature {
  return feature.type === "time" && feature.parts.length === 0 ? { ...feature, parts: ["weekday"] } : feature;
}

function featureOf(field: Field, time: string | undefined): ProposedFeature {
  const { name, column } = field;
  switch (column.kind) {
    case "time":
    case "date":
      return timeFeature(name, column, time);
    case "real":
      return numeric(name, column);
    case "integer":
      return isCodeName(column.name) || column.values.is === "texts"
        ? categorical(field)
        : numeric(name, column);
    case "boolean":
    case "empty":
      return { name, type: "categorical" };
    case "text":
      return textFeature(field);
  }
}

function textFeature(field: Field): ProposedFeature {
  const { name, column, rows } = field;
  if (isFreeText(column)) return { name, type: "words", minCount: minCountOf(rows.rowCount, Infinity) };
  const isComplete = column.levels.length === column.distinct;
  const levels = isComplete ? orderedLevels(column.levels.map(({ level }) => level)) : undefined;
  return levels ? { name, type: "ordinal", levels } : categorical(field);
}

/** The largest value of a long tail is this many times the median. */
const tailRatio = 10;

function numeric(name: string, { range }: ColumnProfile): ProposedFeature {
  if (!range || range.min < 0) return { name, type: "numeric" };
  const hasTail = range.max > tailRatio * Math.max(range.median, 1e-9) || range.mean > 1.5 * range.median;
  return hasTail ? { name, type: "numeric", transform: "log1p" } : { name, type: "numeric" };
}

/** Fields with more levels share columns by hash. */
const levelsMax = 2 ** 17;
const hashColumns = 2 ** 18;

export function hashed(name: string): ProposedFeature {
  return { name, type: "categorical", hash: hashColumns };
}

function categorical({ name, column, rows }: Field): ProposedFeature {
  if (levelCount(column, rows) > levelsMax) return hashed(name);
  const minCount = minCountOf(rows.rowCount, rowsPerLevel(column, rows));
  return minCount > 1 ? { name, type: "categorical", minCount } : { name, type: "categorical" };
}

/** Returns how many rows a level needs to get a column: fewer if the table is small, or has few rows for each level. */
function minCountOf(rowCount: number, perLevel: number): number {
  const bySize = rowCount < 2_000 ? 2 : rowCount < 50_000 ? 5 : 20;
  return perLevel < 3 * bySize ? Math.max(2, Math.min(bySize, Math.floor(perLevel / 5))) : bySize;
}

const [microsPerHour, microsPerDay] = [3_600_000_000, 86_400_000_000];
const yearDays = 366;
/** Dates that are further apart, such as those of births, tell by their age alone. */
const seasonYearsMax = 10;

/**
 * Proposes the parts of a time. Of the time of the examples those that come again, since rows to come are later; of another one the days
 * between the two.
 */
function timeFeature(name: string, column: ColumnProfile, time: string | undefined): ProposedFeature {
  if (time === undefined) return { name, type: "time", parts: [...cyclicParts(column), "age"] };
  return name === time
    ? { name, type: "time", parts: cyclicParts(column) }
    : { name, type: "time", parts: ["age"], since: time };
}

/** Fewer times, such as those of monthly snapshots, do not show what an hour or a weekday does. */
const cyclicTimesMin = 14;

/** Returns the parts that vary: no hour in a column of dates, no month unless there is more than a year. */
function cyclicParts({ kind, range, distinct }: ColumnProfile): TimePart[] {
  const span = range ? range.max - range.min : 0;
  if (distinct < cyclicTimesMin) return [];
  if (kind === "date" && span > seasonYearsMax * yearDays * microsPerDay) return [];
  return [
    ...kind === "time" && span > microsPerHour ? ["hour" as const] : [],
    ...span > microsPerDay ? ["weekday" as const] : [],
    ...span > yearDays * microsPerDay ? ["month" as const] : [],
  ];
}
