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

/** What numbers there are in a column: low, high and sum are NULL if there are none. */
export interface NumberRange {
  readonly count: SqlValue;
  readonly total: SqlValue;
  readonly low: SqlValue;
  readonly high: SqlValue;
  /** Σ weight × number. */
  readonly sum: SqlValue;
}

/** Returns expressions over the rows of columns of one relation, whose values `rangesIn` reads. */
export function rangeSums(columns: readonly Pick<RankedColumn, "value" | "weight">[]): string[] {
  return columns.flatMap(({ value, weight }) => [
    `count(${value})`,
    `sum(CASE WHEN ${value} IS NOT NULL THEN ${weight} END)`,
    `min(${value})`,
    `max(${value})`,
    `sum(${weight} * ${value})`,
  ]);
}

/** @param values Of `rangeSums`, in their order. */
export function rangesIn(values: readonly SqlValue[]): NumberRange[] {
  return Array.from({ length: values.length / 5 }, (_, i) => {
    const [count, total, low, high, sum] = values.slice(5 * i, 5 * i + 5);
    return { count, total, low, high, sum };
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

/** A column, what numbers there are in it, and the places of those that are looked for. */
export interface RankSearch {
  readonly column: RankedColumn;
  readonly range: NumberRange;
  /** @param total Weight of all the numbers. */
  readonly ranksOf: (total: number) => readonly Rank[];
}

/** A column whose places are looked for, and the ranges that still have several values. */
interface OpenSearch {
  readonly column: RankedColumn;
  readonly slack: number;
  readonly found: number[];
  readonly open: readonly Range[];
}

/**
 * Finds numbers by their rank in statements whose results do not grow with the rows: each divides ranges of all columns into slots, and
 * the slot that holds a place is divided by the next one.
 *
 * @returns Of each search, the number at each place; undefined if all numbers are NULL.
 */
export async function valuesAtRanks(
  engine: SqlEngine,
  searches: readonly RankSearch[],
): Promise<(readonly number[] | undefined)[]> {
  let running = searches.map(({ column, range: { count, total, low, high }, ranksOf }): OpenSearch => {
    if (numberIn(count) === 0) return { column, slack: 0, found: [], open: [] };
    const ranks = ranksOf(numberIn(total)).map((rank, index) => ({ ...rank, index }));
    const found = new Array<number>(ranks.length);
    const range = { low: numberIn(low), high: numberIn(high), ranks };
    return closed({ column, slack: slackOf(numberIn(total)), found, open: [range] });
  });
  while (running.some(({ open }) => open.length > 0)) running = await divide(engine, running);
  return running.map(({ found }, i) => numberIn(searches[i].range.count) === 0 ? undefined : found);
}

/** Takes what is found out of the open ranges. */
function closed(search: OpenSearch): OpenSearch {
  const { column, found } = search;
  const open = search.open.filter(({ low, high, ranks }) => {
    if (low === high) { for (const { index } of ranks) found[index] = low; }
    return low < high;
  });
  const wide = open.find(({ low, high }) => high - low === Infinity);
  if (!wide) return { ...search, open };
  throw new Failure(
    "examples-invalid",
    `The numbers of ${column.name} reach from ${wide.low} to ${wide.high}, too far for their ranks to be found: give it another unit in the view.`,
  );
}

/** Divides each open range into slots, and keeps those slots that hold a place. */
async function divide(engine: SqlEngine, searches: readonly OpenSearch[]): Promise<OpenSearch[]> {
  const selects = searches.flatMap((search, i) => search.open.length === 0 ? [] : slotsOf(engine, search, i));
  const found = await engine.query(selects.join("\nUNION ALL\n"));
  const rows = found.map((row) => row.map(numberIn));
  return searches.map((search, i) => {
    const { open, slack } = search;
    const each = slotsOfRange(search);
    const divided = open.flatMap((range, at) => {
      const own = rows.filter(([index, slot]) => index === i && Math.floor(slot / each) === at)
        .sort((a, b) => a[1] - b[1])
        .map(([, , weight, low, high, upTo]) => ({ low, high, upTo, before: upTo - weight }));
      return placesIn(own, range.ranks, slack);
    });
    return closed({ ...search, open: divided });
  });
}

function slotsOfRange({ open }: Pick<OpenSearch, "open">): number {
  return Math.max(16, Math.floor(slotCount / Math.max(1, open.length)));
}

/** Returns a SELECT of the slots that may hold a place: of the others there are too many to fetch. */
function slotsOf(
  { dialect: { number, bigint } }: SqlEngine,
  search: OpenSearch,
  index: number,
): string {
  const { column: { from, where, value, weight }, open, slack } = search;
  const each = slotsOfRange(search);
  const slot = open.map(({ low, high }, i) =>
    `WHEN ${value} >= ${number(low)} AND ${value} <= ${number(high)} THEN ${
      i * each
    } + CASE WHEN ${value} >= ${number(high)} THEN ${each - 1} ELSE ${
      bigint(`floor((${value} - ${number(low)}) / ${number(high - low)} * ${number(each - 1)})`)
    } END`
  ).join(" ");
  // Rounding of the sums must not leave one out.
  const places = open.flatMap(({ ranks }, i) =>
    ranks.map((rank) =>
      `slot >= ${i * each} AND slot < ${(i + 1) * each} AND up_to >= ${number(rank.weight - 2 * slack)} ` +
      `AND up_to - w <= ${number(rank.weight + 2 * slack)}`
    )
  );
  return `SELECT ${index}, slot, w, low, high, up_to FROM (SELECT slot, w, low, high, sum(w) OVER (PARTITION BY floor(slot / ${
    number(each)
  }) ORDER BY slot) AS up_to FROM (SELECT slot, sum(w) AS w, min(v) AS low, max(v) AS high FROM (SELECT CASE ${slot} END AS slot, ` +
    `${value} AS v, ${weight} AS w FROM ${from} WHERE ${where}) AS s WHERE slot IS NOT NULL GROUP BY slot) AS slots) AS ranked ` +
    `WHERE ${places.map((place) => `(${place})`).join(" OR ")}`;
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
