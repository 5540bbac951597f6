import { type Counts, countWhere, minus } from "./class_rates.ts";
import { binNumbers } from "./column_bins.ts";
import { strengthOf } from "./column_strength.ts";
import type { LeakColumn } from "./leak_rows.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { type Evidence, judge } from "./other_columns.ts";
import { percent } from "./warning_text.ts";

/** A column by the form of its values in place of the values. */
interface ValueForm {
  readonly words: string;
  /** NaN for a missing value. */
  readonly values: Float64Array;
}

/** AUC of a form alone, less its standard error, from which it tells the outcome. */
const aucMin = 0.9;
/** Share of the expected rows up to which a form counts as without any. */
const shareMax = 0.02;
/** Levels of a category from which the lengths of its texts are looked at. */
const levelsMin = 20;

/** Warns of a column whose values are written differently by the outcome, as by another program or at another time. */
export function warnOfForm(
  sample: LeakSample,
  c: number,
  all: Counts,
  evidence: Evidence,
): LeakWarning | undefined {
  const { columns, rows } = sample;
  const { name } = columns[c];
  for (const { words, values } of formsOf(columns[c], rows.columns[c])) {
    const first = values.find((value) => value === value);
    const isOther = countWhere(rows, (i) => values[i] === values[i] && values[i] !== first);
    if (isOther.rows === 0) continue;
    const isFirst = countWhere(rows, (i) => values[i] === first);
    const present = { rows: isFirst.rows + isOther.rows, clicks: isFirst.clicks + isOther.clicks };
    const { auc, error } = strengthOf(binNumbers(values, rows.labels), rows);
    const isJudged = (state: Counts, isIn: (i: number) => boolean) =>
      judge(sample, evidence, { state, all: present, isIn, left: [c], shareMax });
    const isTold = auc - error >= aucMin || isJudged(isFirst, (i) => values[i] === first) ||
      isJudged(minus(present, isFirst), (i) => values[i] === values[i] && values[i] !== first);
    if (!isTold) continue;
    return {
      kind: "form-by-label",
      columns: [name],
      text:
        `The ${words} of ${name} tell the outcome (${percent(isFirst)} and ${
          percent(isOther)
        } of the rows of two forms have ` +
        `label 1, ${
          percent(all)
        } of all): rows with label 1 probably come from another source than the others, or are written ` +
        "later. Write the column the same way in all rows, as it is when the model is asked, or take it out of the features.",
    };
  }
  return undefined;
}

const [microsPerSecond, microsPerDay] = [1e6, 86_400e6];

function formsOf({ kind, levels = [] }: LeakColumn, values: Float64Array): ValueForm[] {
  if (kind === "number") return [{ words: "decimals", values: values.map(decimalsOf) }];
  if (kind === "time") {
    return [
      { words: "fractions of a second", values: values.map((time) => shareOf(time, microsPerSecond)) },
      { words: "times of day", values: values.map((time) => time % microsPerDay) },
    ];
  }
  if (levels.length < levelsMin) return [];
  const lengths = levels.map((level) => level === null ? NaN : level.length);
  return [{ words: "lengths of the texts", values: values.map((code) => lengths[code] ?? NaN) }];
}

/** Returns 0 if a time is whole, else 1; NaN for a missing one. */
function shareOf(time: number, unit: number): number {
  return time !== time ? NaN : time % unit === 0 ? 0 : 1;
}

/** Returns how many decimals a number has; 3 for more, NaN for 0, which is written without in any form. */
function decimalsOf(value: number): number {
  if (value !== value || value === 0) return NaN;
  for (let decimals = 0, scale = 1; decimals < 3; decimals++, scale *= 10) {
    if (Math.abs(Math.round(value * scale) - value * scale) <= 1e-9 * Math.abs(value * scale)) {
      return decimals;
    }
  }
  return 3;
}
