import { countWhere, minus } from "./class_rates.ts";
import { binNumbers } from "./column_bins.ts";
import { strengthOf } from "./column_strength.ts";
import type { LeakColumn } from "./leak_rows.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { type Evidence, judge } from "./other_columns.ts";
import { isMissing, standsOut } from "./single_columns.ts";
import { askWhetherKnown, percent } from "./warning_text.ts";

/** Columns of one kind that are compared with each other. */
const comparedMax = 40;
/** Rows of a comparison of two numbers or categories. */
const comparedRows = 5_000;
/** Share of the expected rows up to which a comparison counts as without any: there are many pairs of columns. */
const shareMax = 0.02;

/** Warns of a time that lies after the example's, or after another time, by the outcome. */
export function warnOfTime(sample: LeakSample, c: number, evidence: Evidence): LeakWarning | undefined {
  const { columns, rows } = sample;
  const { times } = rows;
  if (columns[c].kind !== "time" || !times) return undefined;
  const seen = laterWhereClicked(sample, evidence, [c], times, "the time of the example");
  return seen === undefined ? undefined : later([columns[c].name], seen);
}

/** Warns of pairs of columns whose comparison tells the outcome. @param open Indices of the columns to compare. */
export function warnOfPairs(
  sample: LeakSample,
  open: readonly number[],
  evidence: Evidence,
): LeakWarning[] {
  const { columns, rows } = sample;
  const fewer = firstRows(sample);
  const few = fewer.rows;
  const named = (kind: LeakColumn["kind"]) => open.filter((c) => columns[c].kind === kind);
  return [
    ...pairs(named("time"), (a, b) => {
      const seen = laterWhereClicked(sample, evidence, [a, b], rows.columns[b], columns[b].name);
      return seen === undefined ? undefined : later([columns[a].name, columns[b].name], seen);
    }),
    ...pairs(named("number"), (a, b) => comparison(fewer, evidence, [a, b], few.columns[b])),
    ...pairs(named("category"), (a, b) => {
      const translated = translate(columns[b], columns[a], few.columns[b]);
      return translated && comparison(fewer, evidence, [a, b], translated);
    }),
  ];
}

/** Each column is named by at most one warning. */
function pairs(
  open: readonly number[],
  check: (a: number, b: number) => LeakWarning | undefined,
): LeakWarning[] {
  const compared = open.slice(0, comparedMax);
  const found: LeakWarning[] = [];
  const done = new Set<number>();
  for (const [i, a] of compared.entries()) {
    for (const b of compared.slice(i + 1)) {
      if (done.has(a) || done.has(b)) continue;
      const warning = check(a, b);
      if (!warning) continue;
      found.push(warning);
      done.add(a).add(b);
    }
  }
  return found;
}

function later(columns: readonly string[], seen: string): LeakWarning {
  return {
    kind: "later-than-example",
    columns,
    text:
      `${columns.join(" and ")} tell${
        columns.length === 1 ? "s" : ""
      } the outcome by time, as a time of the outcome ` +
      `itself does: ${seen} ${askWhetherKnown}`,
  };
}

/** Describes how the first column's time is later than another one by the outcome; undefined if it is not. */
function laterWhereClicked(
  sample: LeakSample,
  evidence: Evidence,
  left: readonly number[],
  others: Float64Array,
  than: string,
): string | undefined {
  const { rows } = sample;
  const lead = rows.columns[left[0]].map((value, i) => value - others[i]);
  const all = countWhere(rows, (i) => lead[i] === lead[i]);
  const after = countWhere(rows, (i) => lead[i] > 0);
  const upTo = minus(all, after);
  const isTold = judge(sample, evidence, { state: after, all, isIn: (i) => lead[i] > 0, left }) ||
    judge(sample, evidence, { state: upTo, all, isIn: (i) => lead[i] <= 0, left });
  if (isTold) {
    return `${percent(after)} of the rows in which it is later than ${than} have label 1, ${
      percent(upTo)
    } of those in which ` +
      "it is not.";
  }
  const strength = strengthOf(binNumbers(lead, rows.labels), rows);
  if (after.rows === 0 || !standsOut([strength], evidence.without(left))) return undefined;
  return `the time from ${than} to it has an AUC of ${strength.auc.toFixed(3)} alone.`;
}

function firstRows(sample: LeakSample): LeakSample {
  const { rows } = sample;
  const rowCount = Math.min(rows.rowCount, comparedRows);
  const columns = rows.columns.map((column) => column.subarray(0, rowCount));
  return { ...sample, rows: { ...rows, rowCount, columns } };
}

const relations = [
  ["above", (a: number, b: number) => a > b],
  ["equal to", (a: number, b: number) => a === b],
  ["below", (a: number, b: number) => a < b],
] as const;

/** @param others Values of the second column; categories as codes of the first column's levels. */
function comparison(
  sample: LeakSample,
  evidence: Evidence,
  [a, b]: readonly [number, number],
  others: Float64Array,
): LeakWarning | undefined {
  const { columns, rows } = sample;
  const values = rows.columns[a];
  const isNumber = columns[a].kind === "number";
  const isThere = (i: number) => !isMissing(columns[a], values[i]) && !isMissing(columns[b], others[i]);
  const both = countWhere(rows, isThere);
  for (const [words, holds] of isNumber ? relations : [relations[1]]) {
    const isIn = (i: number) => isThere(i) && holds(values[i], others[i]);
    const where = countWhere(rows, isIn);
    const elsewhere = minus(both, where);
    const told = { all: both, left: [a, b], shareMax };
    const isTold = judge(sample, evidence, { ...told, state: where, isIn }) ||
      judge(sample, evidence, { ...told, state: elsewhere, isIn: (i) => isThere(i) && !isIn(i) });
    if (!isTold) continue;
    const names = [columns[a].name, columns[b].name];
    return {
      kind: "comparison",
      columns: names,
      text:
        `${names.join(" and ")} together tell the outcome: ${percent(where)} of the rows in which ${
          names[0]
        } is ${words} ` +
        `${names[1]} have label 1, ${
          percent(elsewhere)
        } of the others. Are both known when the model is asked? If not, take ` +
        "out the one that is not.",
    };
  }
  return undefined;
}

/** Returns a category's codes as codes of another one's levels, −1 for other levels; undefined if they share hardly any. */
function translate(from: LeakColumn, to: LeakColumn, codes: Float64Array): Float64Array | undefined {
  if (!from.levels || !to.levels) return undefined;
  const codeOf = new Map(to.levels.map((level, code) => [level, code]));
  const table = from.levels.map((level, code) => code === 0 ? 0 : codeOf.get(level) ?? -1);
  const known = table.filter((code) => code > 0).length;
  return known < 2 ? undefined : codes.map((code) => table[code]);
}
