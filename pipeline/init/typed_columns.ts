import { timeOfInteger } from "../files/columns/field_value.ts";
import { parseReal } from "../files/text/number_text.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { type ColumnProfile, profileColumn } from "./column_profile.ts";
import type { CollectedColumn, ColumnValues } from "./column_values.ts";
import type { FileSample } from "./parquet_sample.ts";
import { kindOfIntegers, kindOfTexts, numbersOfTexts, type TextKind } from "./text_kind.ts";

/** Returns the columns of a file that has types. Texts that are all times are times. */
export function typedColumns({ read, columns }: FileSample): ColumnProfile[] {
  return read.map(({ column: { name }, kind }, i) => {
    const { values } = columns[i];
    if (values.is === "texts") {
      const found = kind === "text" ? kindOfTexts(name, values) : undefined;
      const isTime = (found?.kind === "time" || found?.kind === "date") && found.nulls.length === 0;
      if (isTime) return profileColumn(name, found.kind, numbersOfTexts(values, found));
      return profileColumn(name, kind, values);
    }
    const profile = profileColumn(name, kind, values);
    return kind === "integer" ? asTimes(profile, values) : profile;
  });
}

/** Reads integers like 20240131 as dates, if all of a column are. */
function asTimes(profile: ColumnProfile, values: ColumnValues & { is: "numbers" }): ColumnProfile {
  const { min, max } = profile.range ?? { min: 0, max: 0 };
  const isDate = min > 19_000_100 && max < 21_991_232;
  if (!isDate && !(min >= 1e14 && max < 1e16)) return profile;
  const present = values.numbers.filter((value) => value === value);
  const kind = kindOfIntegers(profile.name, [...new Set(present)]);
  if (kind === "integer") return profile;
  const numbers = values.numbers.map((value) => value === value ? Number(timeOfInteger(value)) : NaN);
  return profileColumn(profile.name, kind, { is: "numbers", numbers });
}

/** Finds the kinds of the columns of a text file, and with them its decimal comma and the texts that mean no value. */
export function textColumns({ read, columns }: FileSample, given: TextFormat) {
  const nameOf = (i: number) => read[i].column.name;
  const found = columns.map((column, i) => kindOfColumn(nameOf(i), column, given));
  const decimalComma = given.decimalComma ?? hasDecimalComma(found);
  const kinds = found.map((kind) =>
    kind.hasComma && !decimalComma ? { ...kind, kind: "text" as const } : kind
  );
  const nulls = given.nulls ?? [...new Set(kinds.flatMap((kind) => kind.kind === "text" ? [] : kind.nulls))];
  const format: TextFormat = {
    ...given,
    ...decimalComma ? { decimalComma } : {},
    ...nulls.length === 0 ? {} : { nulls },
  };
  const notes = decimalComma
    ? []
    : found.flatMap(({ hasComma, mayBeThousands }, i) =>
      hasComma ? [commaNote(nameOf(i), mayBeThousands)] : []
    );
  const profiles = columns.map(({ values }, i) => {
    const present = withoutNulls(values, nulls);
    const { kind } = kinds[i];
    if (present.is === "numbers") return asTimes(profileColumn(nameOf(i), kind, present), present);
    const isText = kind === "text" || kind === "empty";
    return profileColumn(nameOf(i), kind, isText ? present : numbersOfTexts(present, kinds[i]));
  });
  return { columns: profiles, format, notes };
}

function kindOfColumn(name: string, { values, hasFraction }: CollectedColumn, given: TextFormat): TextKind {
  if (values.is === "texts") {
    const present = withoutNulls(values, given.nulls);
    if (present.is === "texts") return kindOfTexts(name, present);
  }
  const kind = hasFraction ? "real" : "integer";
  return { kind, nulls: [], hasComma: false, hasPoint: hasFraction, mayBeThousands: false };
}

function commaNote(name: string, mayBeThousands: boolean): string {
  const is = mayBeThousands
    ? "its numbers have a comma that may separate thousands. If it is a decimal comma, use --decimal-comma; else write them " +
      "without it"
    : "its numbers have a comma, and those of another column have a point. Write all with one of the two";
  return `${name} is read as text: ${is}.`;
}

function hasDecimalComma(found: readonly TextKind[]): boolean {
  return found.some(({ hasComma, mayBeThousands }) => hasComma && !mayBeThousands) &&
    !found.some(({ hasPoint }) => hasPoint);
}

function withoutNulls(values: ColumnValues, nulls: readonly string[] = []): ColumnValues {
  if (nulls.length === 0) return values;
  if (values.is === "numbers") {
    const numbers = new Set(nulls.map((text) => parseReal(text) ?? NaN));
    return { is: "numbers", numbers: values.numbers.map((value) => numbers.has(value) ? NaN : value) };
  }
  const isNull = values.texts.map((text) => nulls.includes(text) || nulls.includes(text.trim()));
  if (!isNull.includes(true)) return values;
  return { ...values, codes: values.codes.map((code) => code >= 0 && isNull[code] ? -1 : code) };
}
