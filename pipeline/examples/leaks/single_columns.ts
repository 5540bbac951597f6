import { type Counts, countWhere, minus, verdictOf } from "./class_rates.ts";
import { binColumn } from "./column_bins.ts";
import { isNoisyCopy, isTelltale, type Strength, strengthOf, telltaleAuc } from "./column_strength.ts";
import type { LeakColumn } from "./leak_rows.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import type { SampledRows } from "./sampled_rows.ts";
import { askWhetherKnown, percent, shownList } from "./warning_text.ts";

/** Warns of columns that are there or missing by the label. */
export function warnOfMissing(
  { columns, rows }: LeakSample,
  c: number,
  all: Counts,
): LeakWarning | undefined {
  return missingByLabel(columns[c], rows.columns[c], rows, all);
}

/** Warns of columns whose values tell the label alone. @param open Indices of the columns to look at. */
export function warnOfCopies(
  { columns, rows }: LeakSample,
  open: readonly number[],
): Map<number, LeakWarning> {
  const looked = open.map((c) => {
    const binned = binColumn(columns[c], rows.columns[c]);
    return { c, strength: strengthOf(binned, rows), isNoisy: isNoisyCopy(binned, rows) };
  });
  const aucMin = telltaleAuc(looked.map(({ strength }) => strength));
  const found = looked.filter(({ strength, isNoisy }) =>
    isNoisy || (isTelltale(strength) && strength.auc >= aucMin)
  );
  return new Map(found.map(({ c, strength }) => [c, labelCopy(columns[c], strength)]));
}

export function isMissing({ kind }: LeakColumn, value: number): boolean {
  return kind === "category" ? value === 0 : value !== value;
}

function missingByLabel(
  column: LeakColumn,
  values: Float64Array,
  rows: SampledRows,
  all: Counts,
): LeakWarning | undefined {
  const missing = countWhere(rows, (i) => isMissing(column, values[i]));
  const [ofMissing, ofPresent] = [missing, minus(all, missing)].map((state) => verdictOf(state, all));
  if (!ofMissing && !ofPresent) return undefined;
  const seen = [
    ...(ofMissing ? [`${percent(missing)} of the rows in which it is missing have label 1`] : []),
    ...(ofPresent ? [`${percent(minus(all, missing))} of those in which it is not`] : []),
  ];
  const { name } = column;
  return {
    kind: "missing-by-label",
    columns: [name],
    text: `${name} is there or missing by the outcome: ${seen.join(" and ")}, ${percent(all)} of all. ` +
      askWhetherKnown,
  };
}

function labelCopy({ name }: LeakColumn, { auc }: Strength): LeakWarning {
  return {
    kind: "label-copy",
    columns: [name],
    text:
      `${name} alone tells the outcome, with an AUC of ${auc.toFixed(3)} on rows that it was not computed ` +
      `from, as a copy of the label does. ${askWhetherKnown}`,
  };
}

/** Values with a smaller share of the rows are not looked at one by one. */
const valueShareMin = 0.002;
const valuesMax = 50;
/** Rows in which the frequent values are looked for. */
const valueRowsMax = 4_096;

/** Warns of a column one value of which tells the label. */
export function warnOfValue({ columns, rows }: LeakSample, c: number, all: Counts): LeakWarning | undefined {
  const column = columns[c];
  const values = rows.columns[c];
  const found = [...countValues(frequentValues(column, values), values, rows)].flatMap(([value, state]) => {
    const verdict = verdictOf(state, all);
    return verdict ? [{ value, state, verdict }] : [];
  });
  if (found.length === 0) return undefined;
  const [{ state, verdict }] = found;
  const { name, levels } = column;
  const shown = shownList(
    found.filter((other) => other.verdict === verdict).map(({ value }) => levels?.[value] ?? value),
  );
  const among = `Of the rows in which ${name} is ${shown}, ${percent(state)} have label 1, ${
    percent(all)
  } of all.`;
  return {
    kind: "value-by-label",
    columns: [name],
    text:
      `${name} has a value that goes with one outcome only, as a count that includes the row itself has, or a status ` +
      `that is set later. ${among} ${askWhetherKnown}`,
  };
}

function frequentValues(column: LeakColumn, values: Float64Array): number[] {
  const counts = new Map<number, number>();
  const step = Math.ceil(values.length / valueRowsMax);
  for (let i = 0; i < values.length; i += step) {
    const value = values[i];
    if (!isMissing(column, value)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count * step >= valueShareMin * values.length)
    .sort(([a, ofA], [b, ofB]) => ofB - ofA || a - b).slice(0, valuesMax).map(([value]) => value);
}

function countValues(
  wanted: readonly number[],
  values: Float64Array,
  { labels, weights }: SampledRows,
): Map<number, { rows: number; clicks: number }> {
  const counts = new Map(wanted.map((value) => [value, { rows: 0, clicks: 0 }]));
  if (wanted.length === 0) return counts;
  values.forEach((value, i) => {
    const state = counts.get(value);
    if (!state) return;
    state.rows += weights[i];
    if (labels[i] === 1) state.clicks += weights[i];
  });
  return counts;
}
