import { digitsOf, levelNames } from "../encode/column_names.ts";
import { type CrossEncoder, type Encoder, positionCountOf } from "../encode/encoder.ts";
import type { ColumnSums } from "./column_sums.ts";
import type { CrossHeat } from "./model_report.ts";
import { shortName } from "./short_name.ts";

const crossesMax = 12;
const sideMax = 40;
/** Cells of all crosses together. */
const cellsMax = 2_400;

/**
 * Returns what each cross adds, at most 12: those of the largest spread, each with the levels of the most rows.
 *
 * @param sums Over the training rows, or if these are not known over the evaluated ones.
 */
export function crossHeats(encoder: Encoder, coefficients: ArrayLike<number>, sums: ColumnSums): CrossHeat[] {
  const heats = (encoder.crosses ?? []).map((cross) => ({
    cross,
    spread: cross.keys.reduce(
      (sum, _, i) => sum + sums.ones.rows[cross.column + i] * Math.abs(coefficients[cross.column + i]),
      0,
    ) / sums.total.rows,
  })).sort((a, b) => b.spread - a.spread || a.cross.column - b.cross.column).slice(0, crossesMax);
  const side = Math.min(sideMax, Math.floor(Math.sqrt(cellsMax / Math.max(1, heats.length))));
  return heats.map(({ cross, spread }) => ({
    spread,
    ...heatOf(cross, { encoder, coefficients, sums, side }),
  }));
}

function heatOf(
  { of, divisions = [], keys, column }: CrossEncoder,
  { encoder, coefficients, sums, side }: {
    readonly encoder: Encoder;
    readonly coefficients: ArrayLike<number>;
    readonly sums: ColumnSums;
    readonly side: number;
  },
): Omit<CrossHeat, "spread"> {
  const crossed = of.flatMap((name) => encoder.features.filter((feature) => feature.name === name));
  const counts = crossed.map((feature, i) => positionCountOf(feature, divisions[i]));
  const names = crossed.map((feature, i) => levelNames(feature, divisions[i]));
  const digits = keys.map((key) => digitsOf(key, counts));
  const rowsOf = (i: number) => sums.ones.rows[column + i];
  // The key of the fields after the first: its order is that of their levels.
  const restOf = (i: number) => digits[i].slice(1).reduce((key, digit, f) => key * counts[f + 1] + digit, 0);
  const across = largest(keys.map((_, i) => restOf(i)), rowsOf, side);
  const down = largest(digits.map(([first]) => first), rowsOf, side);
  const heat = [0, 1, 2].map(() => down.map(() => across.map((): number | null => null)));
  let more = 0;
  for (let i = 0; i < keys.length; i++) {
    const [row, col] = [down.indexOf(digits[i][0]), across.indexOf(restOf(i))];
    if (row < 0 || col < 0) {
      more++;
      continue;
    }
    heat[0][row][col] = coefficients[column + i];
    heat[1][row][col] = rowsOf(i);
    heat[2][row][col] = sums.ones.clicks[column + i];
  }
  const numbers = (rows: (number | null)[][]) => rows.map((row) => row.map((value) => value ?? 0));
  return {
    of,
    row_names: down.map((digit) => shortName(names[0][digit])),
    column_names: across.map((key) =>
      shortName(digitsOf(key, counts.slice(1)).map((digit, f) => names[f + 1][digit]).join(" × "))
    ),
    effects: heat[0],
    rows: numbers(heat[1]),
    clicks: numbers(heat[2]),
    ...(more > 0 ? { more } : {}),
  };
}

/** Returns the codes with the most rows, ascending. */
function largest(codes: readonly number[], rowsOf: (i: number) => number, count: number): number[] {
  const rows = new Map<number, number>();
  codes.forEach((code, i) => rows.set(code, (rows.get(code) ?? 0) + rowsOf(i)));
  return [...rows].sort(([a, x], [b, y]) => y - x || a - b).slice(0, count).map(([code]) => code)
    .sort((a, b) => a - b);
}
