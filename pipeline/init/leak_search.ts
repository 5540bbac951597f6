import { leaksInSteps } from "../examples/leaks/find_leaks.ts";
import { sampleLeaks } from "../examples/leaks/leak_sample.ts";
import type { LeakColumn } from "../examples/leaks/leak_rows.ts";
import type { LeakKind, LeakWarning } from "../examples/leaks/leak_warning.ts";
import { askWhetherKnown } from "../examples/leaks/warning_text.ts";
import { runYielding } from "../runtime/steps.ts";
import type { Job } from "../runtime/thread_pool.ts";
import type { ColumnKind } from "./column_profile.ts";
import { codesOf, type ColumnValues } from "./column_values.ts";
import type { ProposedFields } from "./fields.ts";
import type { FoundLabel } from "./label.ts";
import type { TableProfile } from "./profile.ts";

/** A column with its values in the rows of the examples. */
export interface SearchedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly values: ColumnValues;
}

/** Rows in which columns are compared with the outcome. */
export interface LabelledRows {
  readonly columns: readonly SearchedColumn[];
  /** Shape (rows): 0, 1, or another number for a row without a label. */
  readonly labels: Uint8Array;
  readonly group: ColumnValues | undefined;
  readonly time: ColumnValues | undefined;
}

const noLabel = 2;

/** Returns the labels of the rows that were looked at. */
export function labelsOfColumn({ column: { values }, positive }: FoundLabel): Uint8Array {
  if (values.is === "numbers") {
    const one = Number(positive ?? "1");
    return Uint8Array.from(values.numbers, (value) => Number.isNaN(value) ? noLabel : Number(value === one));
  }
  const labelOfCode = values.texts.map((text) => Number(text === (positive ?? "1")));
  return Uint8Array.from(values.codes, (code) => code < 0 ? noLabel : labelOfCode[code]);
}

/** Returns 1 for the rows whose key is one of those that were clicked, else 0. @param clicked Keys as texts. */
export function labelsOfKeys(
  { columns }: TableProfile,
  key: string,
  clicked: ReadonlySet<string>,
): Uint8Array | undefined {
  const keys = columns.find(({ name }) => name === key)?.values;
  if (keys?.is !== "texts") {
    return keys && Uint8Array.from(keys.numbers, (value) => Number(clicked.has(String(value))));
  }
  const labelOfCode = keys.texts.map((text) => Number(clicked.has(text)));
  return Uint8Array.from(keys.codes, (code) => code < 0 ? noLabel : labelOfCode[code]);
}

/** Looks for leaks in rows, between the other jobs of a thread. */
export interface LeaksJob extends Job {
  readonly kind: "leaks";
  readonly rows: LabelledRows;
}

export async function answerLeaks({ rows }: LeaksJob): Promise<LeakWarning[]> {
  return await runYielding(leaksAmong(rows), () => {});
}

/** Looks for leaks among the columns, in steps. */
export function leaksAmong(
  { columns, labels, group, time }: LabelledRows,
): Generator<void, LeakWarning[]> {
  const rows = {
    rowCount: labels.length,
    columns: columns.map(({ values }) => ({ values: leakValuesOf(values) })),
    labels,
    ...group ? { groups: codesOf(group) } : {},
    ...time?.is === "numbers" ? { times: time.numbers } : {},
  };
  const table = { columns: columns.map(leakColumnOf), rowCount: labels.length, walk: () => [rows] };
  return leaksInSteps(sampleLeaks(table));
}

function leakColumnOf({ name, kind, values }: SearchedColumn): LeakColumn {
  if (values.is === "texts") return { name, kind: "category", levels: [null, ...values.texts] };
  return { name, kind: kind === "time" || kind === "date" ? "time" : "number" };
}

function leakValuesOf(values: ColumnValues): ArrayLike<number> {
  return values.is === "numbers" ? values.numbers : values.codes.map((code) => code + 1);
}

/** Kinds of warnings of a single column that is then left out. */
const leftOutKinds: readonly LeakKind[] = [
  "label-copy",
  "missing-by-label",
  "value-by-label",
  "later-than-example",
  "label-aggregate",
  "own-row",
  "running-number",
  "level-per-row",
  "group-feature",
];

/** Leaves out the features that surely leak. @returns The other warnings as sentences. */
export function withoutLeaks(
  { features, leftOut }: ProposedFields,
  warnings: readonly LeakWarning[],
): ProposedFields & { readonly warnings: readonly string[] } {
  const isLeftOut = ({ kind, columns, isWeak }: LeakWarning) =>
    !isWeak && leftOutKinds.includes(kind) && columns.length === 1;
  const whyOf = new Map(
    warnings.filter(isLeftOut).map(({ columns: [name], text }) => [name, whyLeftOut(text)]),
  );
  const leaking = features.flatMap((feature) => {
    const why = whyOf.get(feature.name);
    return why === undefined ? [] : [{ column: feature.name, why, feature }];
  });
  return {
    features: features.filter(({ name }) => !whyOf.has(name)),
    leftOut: [...leftOut, ...leaking],
    warnings: warnings.filter((warning) => !isLeftOut(warning)).map(({ text }) => text),
  };
}

/** Returns the text of a warning without its advice to leave the column out. */
function whyLeftOut(text: string): string {
  return text.replace(
    askWhetherKnown,
    "If it is known when the model is asked, move its entry to the features.",
  )
    .replace(/ Take it out of the features.*$/, "");
}
