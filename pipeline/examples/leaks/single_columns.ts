import { type Counts, countWhere, lacks, minus, type Verdict } from "./class_rates.ts";
import type { Strength } from "./column_strength.ts";
import type { LeakColumn } from "./leak_rows.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { type Evidence, judge } from "./other_columns.ts";
import type { SampledRows } from "./sampled_rows.ts";
import { expectedByTrend } from "./value_trend.ts";
import { askWhetherKnown, percent, shownList } from "./warning_text.ts";

/** Columns that may be copies of the label together, each of which tells more than all the rest. */
const copiesMax = 3;
/** Rows per level, and levels, from which a category may be a copy. Else its levels are those of something that occurs again. */
const [levelRowsMin, fewLevels] = [30, 5];
/** Share of the rows that a column of more than two values misses, at most: many an honest number is as good as a poor copy. */
const manyValuedMissedMax = 0.185;

/** Finds columns that tell the label alone, as no honest column does beside the others. @param open Indices of the columns. */
export function findCopies(
  { columns, rows }: LeakSample,
  open: Iterable<number>,
  { strengths, without }: Evidence,
): number[] {
  const missedBy = (c: number) => strengths[c]?.missed ?? 1;
  const candidates = [...open].filter((c) => {
    if (missedBy(c) > missedMax) return false;
    const distinct = new Set(rows.columns[c]).size;
    if (distinct > 2 && missedBy(c) > manyValuedMissedMax) return false;
    return columns[c].kind !== "category" || distinct <= Math.max(fewLevels, rows.rowCount / levelRowsMin);
  }).sort((a, b) => missedBy(a) - missedBy(b));
  const found: number[] = [];
  const isFound = (count: number) => {
    const next = candidates.slice(found.length, found.length + count);
    const looked = next.flatMap((c) => strengths[c] ?? []);
    // Of few columns, several that tell the label are no exception.
    if (
      next.length < count || (count > 1 && 3 * count > strengths.length) ||
      !standsOut(looked, without([...found, ...next]))
    ) return false;
    found.push(...next);
    return true;
  };
  while (found.length < copiesMax && [3, 2, 1].some(isFound));
  return found;
}

/** Share of the rows that a copy misses, at most, and compared with all other columns together; the same if there is no doubt. */
const [missedMax, missedRatioMax] = [0.22, 0.6];
const [fewMissedMax, fewMissedRatioMax] = [0.13, 0.4];

/** Whether each column tells the label far better than all others together. Several must be nearly exact. */
export function standsOut(strengths: readonly Strength[], others: Strength): boolean {
  return strengths.length > 1
    ? strengths.every((strength) => isNearlyExact(strength, others))
    : strengths.every(({ missed }) => missed <= missedMax && missed <= missedRatioMax * others.missed);
}

function isNearlyExact({ missed }: Strength, others: Strength): boolean {
  return missed <= fewMissedMax && missed <= fewMissedRatioMax * others.missed;
}

/** Warns of a column that tells the label alone. @param copies All of them. */
export function warnOfCopy(
  { columns }: LeakSample,
  c: number,
  copies: readonly number[],
  { strengths, without }: Evidence,
): LeakWarning | undefined {
  const strength = strengths[c];
  if (!strength || !copies.includes(c)) return undefined;
  const { name } = columns[c];
  return {
    kind: "label-copy",
    columns: [name],
    text:
      `${name} alone tells the outcome, with an AUC of ${
        strength.auc.toFixed(3)
      } on rows that it was not computed ` +
      `from, far better than all other columns together, as a copy of the label does. ${askWhetherKnown}`,
    ...isNearlyExact(strength, without(copies)) ? {} : { isWeak: true },
  };
}

export function isMissing({ kind }: LeakColumn, value: number): boolean {
  return kind === "category" ? value === 0 : value !== value;
}

/** Warns of a column that is there or missing by the label. */
export function warnOfMissing(
  sample: LeakSample,
  c: number,
  all: Counts,
  evidence: Evidence,
): LeakWarning | undefined {
  const { rows, columns } = sample;
  const column = columns[c];
  const isIn = (i: number) => isMissing(column, rows.columns[c][i]);
  const missing = countWhere(rows, isIn);
  const ofMissing = judge(sample, evidence, { state: missing, all, isIn, left: [c] });
  const ofPresent = judge(sample, evidence, {
    state: minus(all, missing),
    all,
    isIn: (i) => !isIn(i),
    left: [c],
  });
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

/** Values with a smaller share of the rows are not looked at one by one. */
const valueShareMin = 0.002;
const valuesMax = 50;
/** Rows in which the frequent values are looked for. */
const valueRowsMax = 4_096;

/** Rows that are expected of a value with the label that it lacks, from which it is no chance that other columns explain. */
const surelyExpected = 100;

/** Warns of a column one value of which tells the label, though neither its neighbours nor other columns lead there. */
export function warnOfValue(
  sample: LeakSample,
  c: number,
  all: Counts,
  evidence: Evidence,
): LeakWarning | undefined {
  const { columns, rows } = sample;
  const column = columns[c];
  const values = rows.columns[c];
  const frequent = frequentValues(column, values);
  const states = countValues(values, rows, new Set(frequent));
  const isOdd = (value: number, state: Counts) =>
    judge(sample, evidence, { state, all, isIn: (i) => values[i] === value, left: [c] });
  const odd = frequent.flatMap((value) => {
    const state = states.get(value) ?? noCounts;
    const verdict = isOdd(value, state);
    return verdict ? [{ value, state, verdict }] : [];
  });
  if (odd.length === 0) return undefined;
  const counts = countValues(values, rows);
  const others = (verdict: Verdict) => {
    const same = new Set(odd.filter((other) => other.verdict === verdict).map(({ value }) => value));
    return [...counts].filter(([value]) => !same.has(value) && !isMissing(column, value));
  };
  const found = odd.flatMap((state) => {
    const expected = expectedByTrend(column, state, others(state.verdict), all);
    return lacks(state.state, state.verdict, expected) ? [{ ...state, expected }] : [];
  });
  if (found.length === 0) return undefined;
  const isSure = (evidence.strengths[c]?.missed ?? 1) <= evidence.without([c]).missed;
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
    ...isSure && found.some(({ expected }) => expected >= surelyExpected) ? {} : { isWeak: true },
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

const noCounts: Counts = { rows: 0, clicks: 0 };

/** Counts the rows of each value. @param wanted The values to count; default: all. */
function countValues(
  values: Float64Array,
  { labels, weights }: SampledRows,
  wanted?: ReadonlySet<number>,
): Map<number, Counts> {
  const counts = new Map<number, { rows: number; clicks: number }>();
  values.forEach((value, i) => {
    if (wanted && !wanted.has(value)) return;
    const state = counts.getOrInsertComputed(value, () => ({ ...noCounts }));
    state.rows += weights[i];
    if (labels[i] === 1) state.clicks += weights[i];
  });
  return counts;
}
