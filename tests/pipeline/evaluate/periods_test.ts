import assert from "node:assert/strict";
import {
  createPeriodChoice,
  partsMax,
  periodOf,
  periodStart,
  type PeriodUnit,
  periodUnits,
} from "../../../pipeline/evaluate/periods.ts";

const microsOf = (text: string) => 1000 * Date.parse(text);

/** Returns the unit for times at even distances. */
function unitOf(from: string, to: string, count = 2_000): PeriodUnit | undefined {
  const choice = createPeriodChoice();
  const [first, last] = [microsOf(from), microsOf(to)];
  for (let i = 0; i < count; i++) choice.add(first + (last - first) * i / (count - 1));
  return choice.choose()?.unit;
}

Deno.test("periods: a time is in the period that starts at or before it, in UTC, weeks on Monday", () => {
  const startsOf = (text: string) =>
    Object.fromEntries(periodUnits.map((unit) => [unit, periodStart(unit, periodOf(unit, microsOf(text)))]));
  assert.deepEqual(startsOf("2024-05-08T13:59:59.999Z"), {
    hour: "2024-05-08T13:00Z",
    "6 hours": "2024-05-08T12:00Z",
    day: "2024-05-08",
    week: "2024-05-06",
    month: "2024-05-01",
    quarter: "2024-04-01",
    year: "2024-01-01",
  });
  assert.equal(startsOf("2024-05-06T00:00:00Z").week, "2024-05-06");
  assert.equal(startsOf("2024-05-05T23:59:59Z").week, "2024-04-29");
  assert.equal(startsOf("2024-12-31T23:59:59Z").quarter, "2024-10-01");
  assert.equal(startsOf("1999-12-31T23:59:59Z").year, "1999-01-01");
});

Deno.test("periods: the unit makes 4 to 30 parts, days rather than hours", () => {
  const units: [from: string, to: string, unit: PeriodUnit | undefined][] = [
    ["2024-05-06T10:00Z", "2024-05-06T12:30Z", undefined],
    ["2024-05-06T10:00Z", "2024-05-06T14:30Z", "hour"],
    ["2024-05-06T10:00Z", "2024-05-08T10:00Z", "6 hours"],
    ["2024-05-06", "2024-05-09", "day"],
    ["2024-05-01", "2024-05-30", "day"],
    ["2024-05-01", "2024-06-30", "week"],
    ["2024-01-01", "2024-12-31", "month"],
    ["2021-01-01", "2024-12-31", "quarter"],
    ["2010-01-01", "2024-12-31", "year"],
  ];
  for (const [from, to, unit] of units) assert.equal(unitOf(from, to), unit, `${from} to ${to}`);
});

Deno.test("periods: few rows far away do not choose the unit, and numbers that are no times have none", () => {
  const choice = createPeriodChoice();
  for (let day = 1; day <= 20; day++) choice.add(microsOf("2024-05-01") + day * 86_400e6);
  choice.add(microsOf("2099-01-01"));
  for (const missing of [NaN, 0, 20_240_501]) choice.add(missing);
  const periods = choice.choose();
  assert.equal(periods?.unit, "day");
  assert.equal(periods.of(0), undefined);
  const numbers = createPeriodChoice();
  for (let i = 0; i < 100; i++) numbers.add(20_240_501 + i * 1e6);
  assert.equal(numbers.choose(), undefined);
});

Deno.test("periods: no gap between units, from four hours to a hundred quarters", () => {
  for (let hours = 5; hours < 24 * 365 * 25; hours = Math.ceil(hours * 1.07)) {
    const choice = createPeriodChoice();
    const first = microsOf("2000-02-03T04:00Z");
    for (let i = 0; i <= 4_000; i++) choice.add(first + hours * 3_600e6 * i / 4_000);
    const periods = choice.choose();
    assert(periods, `${hours} hours`);
    const { unit } = periods;
    const timeOf = (i: number) => first + hours * 3_600e6 * i / 4_000;
    const found = new Set(Array.from({ length: 4_001 }, (_, i) => periods.of(timeOf(i))));
    assert(!found.has(undefined));
    assert.equal(periods.of(timeOf(77)), periodOf(unit, timeOf(77)));
    assert(found.size >= 4 && found.size <= partsMax, `${hours} hours in ${found.size} parts by ${unit}`);
  }
});
