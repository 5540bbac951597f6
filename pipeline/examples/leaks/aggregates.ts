import { log } from "../../math/elementary.ts";
import { mixed } from "../../math/hash.ts";
import type { Key } from "./keys.ts";
import type { LeakWarning } from "./leak_warning.ts";

/** Rows and clicks of one key in the whole table, and its number. */
interface KeyValue {
  readonly rows: number;
  readonly clicks: number;
  readonly value: number;
}

/** Warns of a number of a key that was computed from the key's labels in this table. */
export function warnOfAggregate(
  name: string,
  key: Key,
  values: Float64Array,
): LeakWarning | undefined {
  const keyed = keyValuesOf(key, values);
  const distinct = new Set(keyed.map(({ value }) => value)).size;
  if (distinct < 2 || !(isExact(keyed) || followsClicks(keyed) || equalsRates(keyed))) return undefined;
  const of = key.name === "the group" ? "its group" : `its ${key.name}`;
  return {
    kind: "label-aggregate",
    columns: [name],
    text:
      `${name} follows the outcomes of ${of} in this table closer than any number that was known before could, as a count ` +
      "or a rate over the whole table does, held-out rows and the row itself included. Compute it from earlier rows only (the " +
      'feature type "rate" does), or take it out of the features.',
  };
}

/** Keys that are looked at. */
const keysMax = 5_000;

function keyValuesOf({ totals: totalsOf, rows, starts, count }: Key, values: Float64Array): KeyValue[] {
  const totals = totalsOf?.();
  if (!totals) return [];
  const keyed: KeyValue[] = [];
  for (let key = 0; key < count && keyed.length < keysMax; key++) {
    if (starts[key] === starts[key + 1] || totals.rows[key] <= 0) continue;
    const value = values[rows[starts[key]]];
    if (value === value) keyed.push({ rows: totals.rows[key], clicks: totals.clicks[key], value });
  }
  return keyed;
}

/** Neighbours that are compared, at least, and the squared difference in clicks that chance gives them. */
const neighboursMin = 40;
const chanceMin = 15;
/** Share of the difference by chance up to which a number follows the clicks. */
const differenceShareMax = 0.2;

/**
 * Whether keys of the same number of rows whose values are neighbours differ less in their clicks than independent outcomes do.
 * A number that was known before may tell a key's click rate, but never what chance made of it.
 */
function followsClicks(keyed: readonly KeyValue[]): boolean {
  const byValue = neighbourDifferences(keyed, ({ value }) => value);
  if (byValue.count < neighboursMin || byValue.chance < chanceMin) return false;
  if (byValue.difference > differenceShareMax * byValue.chance) return false;
  // Where at most one row of a group is clicked, clicks differ little in any order.
  const anyOrder = neighbourDifferences(keyed, () => 0);
  return byValue.difference / byValue.chance < differenceShareMax * anyOrder.difference / anyOrder.chance;
}

interface Differences {
  readonly count: number;
  /** Sum of the squared differences in click rates, relative to what chance gives clicks. */
  readonly difference: number;
  /** The same, as expected if outcomes are independent. */
  readonly chance: number;
}

function neighbourDifferences(
  keyed: readonly KeyValue[],
  orderOf: (key: KeyValue) => number,
): Differences {
  // Keys of one order are mixed: those that are neighbours in the table may have like outcomes.
  const sorted = keyed.map((key, i) => ({
    key,
    size: sizeClassOf(key.rows),
    order: orderOf(key),
    mix: mixed(i),
  })).sort((a, b) => a.size - b.size || a.order - b.order || a.mix - b.mix);
  let [count, difference, chance] = [0, 0, 0];
  for (let i = 1; i < sorted.length; i++) {
    const [{ key: a, size }, { key: b, size: sizeB }] = [sorted[i - 1], sorted[i]];
    if (size !== sizeB) continue;
    const rate = (a.clicks + b.clicks) / (a.rows + b.rows);
    const scale = (a.rows * b.rows) / (a.rows + b.rows);
    count++;
    difference += scale * (a.clicks / a.rows - b.clicks / b.rows) ** 2;
    chance += rate * (1 - rate);
  }
  return { count, difference, chance };
}

/** Keys of few rows are compared with keys of as many rows only, others with keys of about as many. */
function sizeClassOf(rows: number): number {
  return rows <= 32 && Number.isInteger(rows) ? rows : 32 + Math.floor(6 * log(Math.max(rows, 1)));
}

/** Keys, at least, whose rates or clicks a number is exactly. */
const exactKeysMin = 20;

function isExact(keyed: readonly KeyValue[]): boolean {
  const isEach = (of: (key: KeyValue) => number) =>
    keyed.every((key) => Math.abs(key.value - of(key)) <= 1e-9 * Math.abs(key.value));
  return keyed.length >= exactKeysMin &&
    (isEach(({ clicks }) => clicks) || isEach(({ rows, clicks }) => clicks / rows));
}

/** Few keys are compared with their rates one by one. */
const fewKeysMin = 4;
const fittedKeysMin = 12;
/** Mean square, in standard errors of a rate, up to which a number is the rate. A number that was known before has 1 or more. */
const squareMax = 0.15;
/** The same for each of few keys. */
const distanceMax = 0.1;

/** Whether a number is the click rate, its log-odds or the clicks of each key, but for a factor and a constant if the keys are not few. */
function equalsRates(keyed: readonly KeyValue[]): boolean {
  const usable = keyed.filter(({ rows, clicks }) => clicks > 0 && clicks < rows && rows >= 20);
  if (usable.length < fewKeysMin || usable.length < 0.5 * keyed.length) return false;
  const rates = usable.map(({ rows, clicks, value }) => ({
    x: value,
    y: clicks / rows,
    error: Math.sqrt((clicks / rows) * (1 - clicks / rows) / rows),
  }));
  const counts = usable.map(({ rows, clicks, value }) => ({
    x: value,
    y: clicks,
    error: Math.sqrt(clicks * (1 - clicks / rows)),
  }));
  const logits = rates.map(({ x, y, error }) => ({
    x,
    y: log(y / (1 - y)),
    error: error / (y * (1 - y)),
  }));
  return [rates, counts, logits].some((points) =>
    points.length < fittedKeysMin
      ? points.every(({ x, y, error }) => Math.abs(x - y) <= distanceMax * error)
      : residualSquare(points) <= squareMax
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly error: number;
}

/** Returns the mean square of what a line through the points leaves, in standard errors. */
function residualSquare(points: readonly Point[]): number {
  let [weight, meanX, meanY] = [0, 0, 0];
  for (const { x, y, error } of points) {
    const own = 1 / error ** 2;
    weight += own;
    meanX += own * x;
    meanY += own * y;
  }
  [meanX, meanY] = [meanX / weight, meanY / weight];
  let [xx, xy] = [0, 0];
  for (const { x, y, error } of points) {
    xx += (x - meanX) ** 2 / error ** 2;
    xy += (x - meanX) * (y - meanY) / error ** 2;
  }
  const slope = xx > 0 ? xy / xx : 0;
  const square = points.reduce(
    (sum, { x, y, error }) => sum + ((y - meanY - slope * (x - meanX)) / error) ** 2,
    0,
  );
  return square / (points.length - 2);
}
