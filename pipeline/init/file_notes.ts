import { isoTime } from "../files/columns/iso_time.ts";
import { parseTime } from "../files/columns/field_value.ts";
import type { FileFormat } from "../files/open_file.ts";
import { parseReal } from "../files/text/number_text.ts";
import type { ColumnProfile } from "./column_profile.ts";
import type { CollectedColumn } from "./column_values.ts";
import { isCodeName, listed } from "./names.ts";
import type { FileSample } from "./parquet_sample.ts";
import { marker, spelledLikeCode, timeName } from "./text_kind.ts";
import { counted } from "../counted.ts";

/** Share of the values that may be unreadable in a column that is loaded. */
const faultShareMax = 0.01;

/** Returns whether too many values of a column cannot be loaded, such as objects of JSON. */
export function isFaulty({ faults, values }: CollectedColumn): boolean {
  if (faults === 0) return false;
  let present = 0;
  if (values.is === "numbers") { for (const value of values.numbers) if (value === value) present++; }
  else for (const code of values.codes) if (code >= 0) present++;
  return faults > faultShareMax * (faults + present);
}

/** Returns the columns with too many values that cannot be loaded, and the reason of one. */
export function faultyColumns({ read, columns }: FileSample): { column: string; why: string }[] {
  return columns.flatMap((column, i) =>
    isFaulty(column)
      ? [{ column: read[i].column.name, why: `it has values such as this: ${column.fault}` }]
      : []
  );
}

/** Warns of a CSV file whose first line looks like a row. */
export function headerNote({ read }: FileSample, fileFormat: FileFormat): string[] {
  const names = read.map(({ column }) => column.name);
  const numbers = names.filter((name) => parseReal(name) !== undefined || parseTime(name) !== undefined);
  return fileFormat !== "csv" || 2 * numbers.length < names.length || names.length === 0 ? [] : [
    `the first line (${
      listed(names, 6)
    }) gives the names of the columns, and looks like a row: if it is one, put a line with the ` +
    "names before it.",
  ];
}

/**
 * Says that the first line of a CSV file does not name the columns, if most of them have no name, or if most rows have another number of
 * values.
 */
export function titleNote(
  { read, unreadable, rows, faultyRows }: FileSample,
  fileFormat: FileFormat,
): string | undefined {
  const unnamed = unreadable.filter(({ column }) => column === "").length;
  if (fileFormat !== "csv" || (unnamed <= read.length && 2 * faultyRows <= rows)) return undefined;
  const line = listed(read.map(({ column }) => column.name), 3);
  return `The first line (${line}) does not name ${
    unnamed > read.length ? `${unnamed} of the ${read.length + unnamed} columns` : "the columns of the rows"
  }: if it is a title, remove it, so that the names come first.`;
}

/** Units in which programs count the time since 1970, and how many microseconds each is. */
const epochUnits = [["seconds", 1e6], ["milliseconds", 1e3], ["microseconds", 1]] as const;
/** Times in seconds: of a column whose name says that it has some, and of any other, in which large numbers are rather something else. */
const [namedRange, unnamedRange] = [[978_307_200, 4_102_444_800], [946_684_800, 2_051_222_400]] as const;
/** Fewer numbers, each may look like a time by chance. */
const distinctTimesMin = 3;

/** Dates that are read as text: 12/31/2023, 31.12.23, Dec 31, 2023, 31-Dec-23, with or without a time. */
const month = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*";
const writtenDate = new RegExp(
  String
    .raw`^(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})|${month}\.? \d{1,2},? \d{4}|\d{1,2}([ -])${month}\.?,?\2(?:\d{4}|\d{2}))\b`,
  "i",
);

/** Names of columns of times in milliseconds, which others are not named like. */
const millisecondsName = /millis|epoch|_ms$/i;

function isWrittenDate(text: string): boolean {
  return writtenDate.test(text) || (/\d[-/.:]\d/.test(text) && parseTime(text) !== undefined);
}

/** Says which columns look like times that are not written as one. */
export function timeNotes(columns: readonly ColumnProfile[]): string[] {
  const iso = "as ISO 8601, such as 2024-01-31T10:15:00Z";
  return columns.flatMap((column) => {
    const { name, kind, levels } = column;
    if (kind === "text" && levels.every(({ level }) => isWrittenDate(level.trim()))) {
      return [
        `${name} looks like dates (${
          levels[0].level
        }), and is read as text. Written ${iso}, it would be a time.`,
      ];
    }
    const serial = serialDates(column);
    if (serial) {
      return [
        `${name} looks like dates in the days of spreadsheets (${
          serial.join(" to ")
        }), and is read as a number. Written ${iso}, it ` +
        `would be a time; or give it the entry ${timeFeature(name)} in the feature spec, and compute ` +
        `CAST((${name} - ${daysUntil1970}) * 86400000000 AS INTEGER) in the view of the schema.`,
      ];
    }
    const epoch = epochOf(column);
    if (!epoch) return [];
    const [first, last] = epoch.range.map((time) => isoTime(time).slice(0, 10));
    return [
      `${name} looks like ${epoch.unit} since 1970 (${first} to ${last}), and is read as a number. Written ${iso}, it would be a time; or ` +
      `give it the entry ${timeFeature(name)} in the feature spec${
        epoch.micros === 1
          ? ""
          : `, and multiply it by ${epoch.micros.toLocaleString("en")} in the view of the schema`
      }.`,
    ];
  });
}

function timeFeature(name: string): string {
  return JSON.stringify({ name, type: "time", parts: ["hour", "weekday", "month"] });
}

/** Spreadsheets count days, and parts of them, from 1899-12-30 on: here those from 1954 to 2064. */
const [daysUntil1970, serialMin, serialMax] = [25_569, 20_000, 60_000];
/** Names of columns of dates: a time may be a duration. */
const dateName = /date|datum|fecha|birth|born|_at$|_on$/i;

/** Returns the first and the last date of a column of days; undefined if it does not look so. */
function serialDates({ name, kind, range, distinct }: ColumnProfile): string[] | undefined {
  if ((kind !== "integer" && kind !== "real") || !range || distinct < distinctTimesMin) return undefined;
  if (!dateName.test(name) || range.min < serialMin || range.max >= serialMax) return undefined;
  return [range.min, range.max].map((day) => isoTime((day - daysUntil1970) * 86_400e6).slice(0, 10));
}

/** Returns what a column of integers counts since 1970, and its range in microseconds; undefined if it does not look so. */
function epochOf({ name, kind, range, distinct, isUnique, rows }: ColumnProfile) {
  if (kind !== "integer" || !range) return undefined;
  const isNamed = timeName.test(name) || millisecondsName.test(name);
  // Numbers that are given one after the other, and ids of any kind, are no times.
  const isNumbering = isUnique && range.max - range.min < 2 * rows;
  if (!isNamed && (distinct < distinctTimesMin || isCodeName(name) || isNumbering)) return undefined;
  const [min, max] = isNamed ? namedRange : unnamedRange;
  const found = epochUnits.find(([, micros]) =>
    range.min * micros >= min * 1e6 && range.max * micros < max * 1e6
  );
  if (!found) return undefined;
  const [unit, micros] = found;
  return { unit, micros, range: [range.min * micros, range.max * micros] };
}

/** A number with a currency or a percent sign. */
const withUnit = /^(?:[$€£¥] ?-?\d[\d.,']*|-?\d[\d.,']* ?(?:[%$€£¥]|EUR|USD|GBP|CHF))$/;

/** A number whose thousands are separated, as 2.345,67, 2,345.67, 2 345,67 or 2'345.67, or one that is too small for it. */
const [grouped, ungrouped] = [
  /^-?\d{1,3}(?:(?:\.\d{3})+(?:,\d+)?|(?:,\d{3})+\.\d+|(?:[ '\u2019\u00a0\u202f]\d{3})+(?:[.,]\d+)?)$/,
  /^-?\d{1,3}(?:[.,]\d+)?$/,
];
/** Negative numbers in the way of accounts, as (1,234.50) or 1,234.50-. */
const [negative, amount] = [/^(?:\([\d.,]+\)|\d[\d.,]*-)$/, /^-?\d[\d.,]*$/];

/** Says which texts look like numbers with a unit, or with separated thousands. */
export function unitNotes(columns: readonly ColumnProfile[]): string[] {
  return columns.flatMap(({ name, kind, levels }) => {
    const texts = levels.map(({ level }) => level.trim()).filter((text) => !marker.test(text));
    if (kind !== "text" || texts.length === 0) return [];
    if (texts.every((text) => withUnit.test(text))) {
      return [
        `${name} looks like numbers with a unit (${
          texts[0]
        }), and is read as text. Written without it, it would be numeric.`,
      ];
    }
    const written = texts.find((text) => negative.test(text));
    if (written !== undefined && texts.every((text) => negative.test(text) || amount.test(text))) {
      return [
        `${name} looks like numbers of which the negative ones are written as ${written}, and is read as text. Written with a minus ` +
        "before the digits, it would be numeric.",
      ];
    }
    const example = texts.find((text) => grouped.test(text));
    if (example === undefined || !texts.every((text) => grouped.test(text) || ungrouped.test(text))) {
      return [];
    }
    return [
      `${name} looks like numbers with separated thousands (${example}), and is read as text. Written without the separator, it ` +
      "would be numeric.",
    ];
  });
}

/** Numbers that stand for no value in many files: 999, -9999. */
const standIn = /^-?9{2,}$/;

/** Says which numbers may mean no value: those of nines that are further from all others than these are from each other. */
export function standInNotes(columns: readonly ColumnProfile[], fileFormat: FileFormat): string[] {
  return columns.flatMap(({ name, kind, range, levels, values }) => {
    if ((kind !== "integer" && kind !== "real") || !range || values.is !== "numbers") return [];
    const value = [range.min, range.max].find((end) => standIn.test(String(end)));
    const found = levels.find(({ level }) => Number(level) === value);
    if (value === undefined || !found || found.count < 2) return [];
    let [min, max] = [Infinity, -Infinity];
    for (const other of values.numbers) {
      if (other === value) continue;
      if (other < min) min = other;
      if (other > max) max = other;
    }
    if (!(max > min) || (value < min ? min - value : value - max) <= max - min) return [];
    const remedy = fileFormat === "parquet"
      ? `select nullif(${name}, ${value}) AS ${name} in the view of the schema`
      : `use --null ${value}`;
    return [
      `${name} is ${value} in ${
        counted(found.count, "row")
      }, and ${min} to ${max} in all others. If that means no value, ${remedy}.`,
    ];
  });
}

/** Texts among numbers, and their share of the rows, that may be mistakes or mean no value. */
const [strayTextsMax, strayShareMax] = [8, 0.1];

/** Says which columns of texts would be numbers but for a few of them, such as inf, or the word in a row of totals. */
export function strayTextNotes(columns: readonly ColumnProfile[]): string[] {
  return columns.flatMap(({ name, kind, values, rows, nulls }) => {
    if (kind !== "text" || values.is !== "texts") return [];
    const isCode = values.texts.some((text) => spelledLikeCode.test(text.trim()));
    const strays = new Set(
      values.texts.keys().filter((code) => parseReal(values.texts[code].trim()) === undefined),
    );
    if (isCode || strays.size === 0 || strays.size > strayTextsMax) return [];
    const found = new Set<number>();
    let count = 0;
    for (const code of values.codes) {
      if (!strays.has(code)) continue;
      found.add(code);
      count++;
    }
    if (count === 0 || count > strayShareMax * (rows - nulls)) return [];
    const texts = [...found].map((code) => JSON.stringify(values.texts[code].trim())).join(" ");
    return [
      `${name} is read as text: among its numbers ${
        found.size === 1 ? "is" : "are"
      } ${texts}. If that means no value, it would be ` +
      `numeric with --null ${texts}.`,
    ];
  });
}

/** Says which rows and values cannot be loaded. */
export function faultNotes({ read, columns, faultyRows, faultyRow, rows }: FileSample): string[] {
  const cells = columns.flatMap((column, i) =>
    column.faults === 0 || isFaulty(column) ? [] : [
      `${read[i].column.name} has ${counted(column.faults, "value")} of ${
        rows.toLocaleString("en")
      } that cannot be loaded: ${column.fault}.`,
    ]
  );
  const lines = faultyRows === 0 ? [] : [
    `${counted(faultyRows, "row")} of ${
      rows.toLocaleString("en")
    } cannot be loaded: ${faultyRow}. Correct the file, or load the others with ` +
    "--rejects FILE.",
  ];
  return [...lines, ...cells];
}
