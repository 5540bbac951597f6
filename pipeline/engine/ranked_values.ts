import { slackOf } from "../encode/weight_slack.ts";
import { Failure } from "../failure.ts";
import { numberIn, type SqlEngine, type SqlValue } from "./sql_engine.ts";

/** Numbers of a relation, some of which are NULL, with weights. */
export interface RankedColumn {
  /** The relation's text in a FROM. */
  readonly from: string;
  readonly where: string;
  readonly value: string;
  /** 1 for rows that count once. */
  readonly weight: string;
  /** Name of the field, for messages. */
  readonly name: string;
}

/** A place among numbers in ascending order: the first whose cumulative weight reaches, or exceeds, a weight. */
export interface Rank {
  readonly weight: number;
  readonly exceeds: boolean;
}

/** What numbers there are in a column: low and high are NULL if there are none. */
export interface NumberRange {
  readonly count: SqlValue;
  readonly total: SqlValue;
  readonly low: SqlValue;
  readonly high: SqlValue;
}

/** Returns the ranges of columns of one relation, in one statement. */
export async function rangesOf(engine: SqlEngine, columns: readonly RankedColumn[]): Promise<NumberRange[]> {
  if (columns.length === 0) return [];
  const [{ from, where }] = columns;
  const sums = columns.flatMap(({ value, weight }) => [
    `count(${value})`,
    `sum(CASE WHEN ${value} IS NOT NULL THEN ${weight} END)`,
    `min(${value})`,
    `max(${value})`,
  ]);
  const [row] = await engine.query(`SELECT ${sums.join(", ")} FROM ${from} WHERE ${where}`);
  return columns.map((_, i) => {
    const [count, total, low, high] = row.slice(4 * i, 4 * i + 4);
    return { count, total, low, high };
  });
}

/** Slots into which all open ranges together are divided. */
const slotCount = 0x10000;

/** Values of a range that holds at least one of the places. Their weights are counted from its beginning. */
interface Range {
  readonly low: number;
  readonly high: number;
  readonly ranks: readonly (Rank & { readonly index: number })[];
}

/**
 * Finds numbers by their rank in statements whose results do not grow with the rows: each divides ranges into slots, and the slot
 * that holds a place is divided by the next one.
 *
 * @param range As `rangesOf` returns it.
 * @param ranksOf Returns the places, given the total weight of the numbers and the count of them.
 * @returns The number at each place; undefined if all numbers are NULL.
 */
export async function valuesAtRanks(
  engine: SqlEngine,
  column: RankedColumn,
  { count, total, low, high }: NumberRange,
  ranksOf: (total: number) => readonly Rank[],
): Promise<readonly number[] | undefined> {
  const { name } = column;
  if (numberIn(count) === 0) return undefined;
  const ranks = ranksOf(numberIn(total));
  const slack = slackOf(numberIn(total));
  const found = new Array<number>(ranks.length);
  let open: Range[] = [{
    low: numberIn(low),
    high: numberIn(high),
    ranks: ranks.map((rank, index) => ({ ...rank, index })),
  }];
  for (;;) {
    for (const { low, high, ranks } of open) {
      if (low === high) { for (const { index } of ranks) found[index] = low; }
    }
    open = open.filter(({ low, high }) => low < high);
    if (open.length === 0) return found;
    const wide = open.find(({ low, high }) => high - low === Infinity);
    if (wide) {
      throw new Failure(
        "examples-invalid",
        `The numbers of ${name} reach from ${wide.low} to ${wide.high}, too far for their ranks to be found: give it another unit in the view.`,
      );
    }
    open = await divide(engine, column, open, slack);
  }
}

/** Divides each range into slots, and returns those slots that hold a place. */
async function divide(
  engine: SqlEngine,
  { from, where, value, weight }: RankedColumn,
  open: readonly Range[],
  slack: number,
): Promise<Range[]> {
  const { number, bigint } = engine.dialect;
  const each = Math.max(16, Math.floor(slotCount / open.length));
  const slot = open.map(({ low, high }, i) =>
    `WHEN ${value} >= ${number(low)} AND ${value} <= ${number(high)} THEN ${
      i * each
    } + CASE WHEN ${value} >= ${number(high)} THEN ${each - 1} ELSE ${
      bigint(`floor((${value} - ${number(low)}) / ${number(high - low)} * ${number(each - 1)})`)
    } END`
  ).join(" ");
  // Of the slots, only those that may hold a place come back. Rounding of the sums must not leave one out.
  const places = open.flatMap(({ ranks }, i) =>
    ranks.map((rank) =>
      `slot >= ${i * each} AND slot < ${(i + 1) * each} AND up_to >= ${number(rank.weight - 2 * slack)} ` +
      `AND up_to - w <= ${number(rank.weight + 2 * slack)}`
    )
  );
  const found = await engine.query(
    `SELECT slot, w, low, high, up_to FROM (SELECT slot, w, low, high, sum(w) OVER (PARTITION BY floor(slot / ${
      number(each)
    }) ORDER BY slot) AS up_to FROM (SELECT slot, sum(w) AS w, min(v) AS low, max(v) AS high FROM (SELECT CASE ${slot} END AS slot, ` +
      `${value} AS v, ${weight} AS w FROM ${from} WHERE ${where}) AS s WHERE slot IS NOT NULL GROUP BY slot) AS slots) AS ranked ` +
      `WHERE ${places.map((place) => `(${place})`).join(" OR ")} ORDER BY slot`,
  );
  const rows = found.map((row) => row.map(numberIn));
  return open.flatMap((range, i) => {
    const own = rows.filter(([slot]) => Math.floor(slot / each) === i)
      .map(([, weight, low, high, upTo]) => ({ low, high, upTo, before: upTo - weight }));
    return placesIn(own, range.ranks, slack);
  });
}

interface Slot {
  readonly low: number;
  readonly high: number;
  /** Weight of the range's numbers below the slot, and with those in it. */
  readonly before: number;
  readonly upTo: number;
}

/** Returns the slots that hold places, the weights counted from their beginning. @param slots Ascending. */
function placesIn(slots: readonly Slot[], ranks: Range["ranks"], slack: number): Range[] {
  const held = new Map<Slot, Range["ranks"][number][]>();
  for (const { weight, exceeds, index } of ranks) {
    const reaches = ({ upTo }: Slot) => exceeds ? upTo > weight + slack : upTo >= weight - slack;
    // The last slot, if rounding exceeds all of them.
    const slot = slots.find(reaches) ?? slots[slots.length - 1];
    held.set(slot, [...held.get(slot) ?? [], { weight: weight - slot.before, exceeds, index }]);
  }
  return [...held].map(([{ low, high }, ranks]) => ({ low, high, ranks }));
}
