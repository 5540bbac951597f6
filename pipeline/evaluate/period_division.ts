import type { Division } from "./divisions.ts";
import { createPeriodChoice, periodStart } from "./periods.ts";

/**
 * Divides rows by calendar time.
 *
 * @param times Microseconds since 1970, shape (rows); NaN is missing.
 * @returns undefined if the times are not divided into 4 to 30 periods by any unit.
 */
export function divideByTime(
  name: string,
  times: Float64Array,
): { readonly unit: string; readonly division: Division } | undefined {
  const choice = createPeriodChoice();
  times.forEach(choice.add);
  const periods = choice.choose();
  if (!periods) return undefined;
  const numbers = Float64Array.from(times, (time) => periods.of(time) ?? NaN);
  const order = [...new Set(numbers.filter((number) => number === number))].sort((a, b) => a - b);
  const place = new Map(order.map((number, i) => [number, i]));
  return {
    unit: periods.unit,
    division: {
      name,
      codes: Int32Array.from(numbers, (number) => place.get(number) ?? -1),
      levels: order.map((number) => periodStart(periods.unit, number)),
    },
  };
}
