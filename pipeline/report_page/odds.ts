/** A number of log-odds as the factor by which it multiplies odds: 0.69 → `2`. */
export function factorOf(logOdds: number): string {
  const factor = Math.exp(logOdds);
  if (factor >= 9_999.5) return "more than 9,999";
  if (factor < 0.00095) return "less than 0.001";
  return factor >= 99.95 ? Math.round(factor).toLocaleString("en") : String(Number(factor.toPrecision(3)));
}

/** A number of log-odds in words: `multiplies the odds of a click by 2`, or `divides` them. */
export function changeWords(logOdds: number, whose = "the odds of a click"): string {
  return `${logOdds < 0 ? "divides" : "multiplies"} ${whose} by ${factorOf(Math.abs(logOdds))}`;
}

/** The same as an axis or a table has it: `× 2`. */
export function odds(logOdds: number): string {
  return `×\u00a0${factorOf(logOdds)}`;
}

/** The factor with two digits, for the axis of a small plot. */
export function factorTick(logOdds: number): string {
  return Math.exp(logOdds) >= 999.5
    ? Math.exp(logOdds).toExponential(0)
    : String(Number(Math.exp(logOdds).toPrecision(2)));
}

/** Factors between neighbouring ticks. */
const steps = [1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 30, 100, 1000, 1e4, 1e6, 1e9];

/** Returns log-odds between two, 0 among them, whose factors are powers of a round one: at most `most` steps. */
export function factorTicks(from: number, to: number, most = 5): number[] {
  const step = Math.log(steps.find((factor) => Math.log(factor) * most >= to - from) ?? Infinity);
  if (!Number.isFinite(step)) return [0];
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}
