import type { ColumnSums } from "../report/column_sums.ts";
import type { NumberPlan } from "../report/curve_plans.ts";
import { chooseBins, type NumberBins } from "../report/number_bins.ts";
import { byStep, createLookups } from "../export/sql_lookups.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
import { encodedColumn, type EngineDesign, partColumn, positionColumn } from "./engine_design.ts";
import { type PredictedRows, queryPredicted } from "./predicted_rows.ts";
import { numberIn, type SqlEngine, type SqlValue, sumIn } from "./sql_engine.ts";

/** Slots between the ends of a column's values, from which the places of its parts are read. */
const slotCount = 256;
/** Parts of a slot, of which two hold its least and its greatest value: a number of seventeen digits comes back only if it is the slot's only value. */
const partsOfSlot = 16;
/** Ends of the slots in deviations from the mean: what is beyond them is in the first and the last one. */
const deviations = 6;
/** Values that stand for all values of a column. */
const valuesMax = 2_000;

/** Bins of the columns of numbers, and values that stand for those of the rows, without what stands for a missing one. */
export interface NumberParts {
  readonly bins: readonly NumberBins[];
  readonly values: readonly Float64Array[];
}

/** Chooses the parts of the curves over numbers by the rows of some parts, in two statements. */
export async function numberParts(
  engine: SqlEngine,
  encoded: EngineDesign,
  plans: readonly NumberPlan[],
  parts: readonly number[],
): Promise<NumberParts> {
  if (plans.length === 0) return { bins: [], values: [] };
  const { number, bigint, fence } = engine.dialect;
  const values = plans.map(({ column, missing, field }) => {
    const own = encodedColumn(encoded.design.numericColumns.indexOf(column));
    if (!missing) return own;
    const factor = encoded.factors.findIndex(({ name }) => name === field);
    const absent = encoded.factors[factor].positionCount - 1;
    return `CASE WHEN ${positionColumn(factor)} = ${absent} THEN NULL ELSE ${own} END`;
  });
  const listed = `SELECT i, ${weightColumn}, ${byIndex(values)} AS v FROM ${encoded.from} CROSS JOIN ${
    indices(plans.length)
  } WHERE ${partColumn} IN (${parts.join(", ")})${fence}`;
  const ranges = await engine.query(
    `SELECT i, min(v), max(v), sum(v) / count(*), sum(v * v) / count(*) FROM (${listed}) AS listed WHERE v IS NOT NULL GROUP BY i`,
  );
  const ends = plans.map((_, i) => {
    const own = ranges.find(([index]) => numberIn(index) === i);
    if (!own) return { low: 0, width: 1 };
    const [, least, most, mean, squares] = own.map(numberIn);
    const reach = deviations * Math.sqrt(Math.max(0, squares - mean ** 2));
    const [low, high] = [Math.max(least, mean - reach), Math.min(most, mean + reach)];
    return { low, width: high > low ? (high - low) / slotCount : 1 };
  });
  const places = ends.map(({ low, width }) => `(v - ${number(low)}) / ${number(width)}`);
  const partOf = (place: string) => bigint(`floor((${place} - slot) * ${partsOfSlot})`);
  const rows = await engine.query(
    `SELECT i, slot, sum(${weightColumn}), CASE WHEN max(v) = min(v) THEN min(v) END, ${
      partOf("min(place)")
    }, ${partOf("max(place)")} FROM (SELECT i, ${weightColumn}, v, place, CASE WHEN place < 0 THEN 0 ` +
      `WHEN place >= ${slotCount} THEN ${slotCount} ELSE ${
        bigint("floor(place)")
      } END AS slot FROM (SELECT i, ${weightColumn}, v, ${
        byIndex(places)
      } AS place FROM (${listed}) AS listed WHERE v IS NOT NULL${fence}) AS placed) AS slots GROUP BY i, slot`,
    6,
  );
  const slots = rows.map(([field, place, sum, only, from, to]): Slot => {
    const [index, slot, weight] = [field, place, sum].map(numberIn);
    const { low, width } = ends[index];
    const valueAt = (part: SqlValue, more: number) =>
      only === null ? low + width * (slot + (numberIn(part) + more) / partsOfSlot) : numberIn(only);
    return { index, slot, weight, low: valueAt(from, 0), high: valueAt(to, 1) };
  }).sort((a, b) => a.slot - b.slot);
  const found = plans.map((_, i) => spreadValues(slots.filter(({ index }) => index === i)));
  return { values: found, bins: plans.map((plan, i) => chooseBins(plan, found[i])) };
}

interface Slot {
  /** Of the column. */
  readonly index: number;
  readonly slot: number;
  readonly weight: number;
  /** Its least and its greatest value, about. */
  readonly low: number;
  readonly high: number;
}

/** Returns values at evenly spaced places among those of the slots, ascending. */
function spreadValues(slots: readonly Slot[]): Float64Array {
  const total = slots.reduce((sum, { weight }) => sum + weight, 0);
  const values = new Float64Array(slots.length === 0 ? 0 : valuesMax);
  let [at, before] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const wanted = (total * (i + 0.5)) / valuesMax;
    while (at < slots.length - 1 && before + slots[at].weight < wanted) before += slots[at++].weight;
    const { weight, low, high } = slots[at];
    values[i] = low === high ? low : low + Math.min(1, (wanted - before) / weight) * (high - low);
  }
  return values;
}

/** Adds up rows by the bins of each column of numbers, in one statement. @param sums Per part; added to. */
export async function addNumberSums(
  rows: PredictedRows,
  bins: readonly NumberBins[],
  sums: ReadonlyMap<number, ColumnSums>,
): Promise<void> {
  if (bins.length === 0) return;
  const { engine: { dialect }, encoded } = rows;
  const numbers = encoded.design.numericColumns.map((_, i) => encodedColumn(i));
  const lookups = createLookups(dialect, "a");
  const factors = bins.map(({ plan }) => addedFactor(rows, plan));
  const positions = factors.flatMap((factor) => factor === undefined ? [] : [positionColumn(factor.index)]);
  const columns = {
    v: byIndex(bins.map(({ plan }) => numbers[encoded.design.numericColumns.indexOf(plan.column)])),
    k: byIndex(bins.map(({ plan, edges }) => binOfColumn(rows, plan, edges))),
    a: byIndex(
      factors.map((factor) =>
        factor === undefined
          ? dialect.number(0)
          : lookups.at(positionColumn(factor.index), factor.values.map(dialect.number))
      ),
    ),
  };
  const [y, w] = [labelColumn, weightColumn];
  const listed =
    `listed AS (SELECT i, ${partColumn}, ${y}, ${w}, p, ${columns.v} AS v, ${columns.k} AS k, ${columns.a} AS a ` +
    `FROM predicted ${lookups.joins().join(" ")} CROSS JOIN ${indices(bins.length)}${dialect.fence})`;
  const found = await queryPredicted(
    rows,
    [...sums.keys()],
    `SELECT ${partColumn}, i, k, sum(${w}), sum(${w} * ${y}), sum(${w} * p), sum(${w} * v), sum(${w} * a), min(v), max(v) ` +
      `FROM listed GROUP BY ${partColumn}, i, k`,
    { others: [...numbers, ...positions], tables: [...lookups.tables(), listed], columns: 10 },
  );
  for (const row of found) {
    const [part, index, bin, weight, clicks, predicted, values, added, min, max] = row.map(sumIn);
    const own = sums.get(part)?.numbers[index];
    if (!own) throw new Error("rows of a part that was not asked for");
    own.rows[bin] += weight;
    own.clicks[bin] += clicks;
    own.predicted[bin] += predicted;
    own.values[bin] += values;
    own.added[bin] += added;
    own.min = Math.min(own.min, min);
    own.max = Math.max(own.max, max);
  }
}

/** Returns an expression of the bin of a row's number. */
export function binOfColumn(
  { engine: { dialect }, encoded }: Pick<PredictedRows, "engine" | "encoded">,
  { column }: NumberPlan,
  edges: Float64Array,
): string {
  const own = encodedColumn(encoded.design.numericColumns.indexOf(column));
  const steps = [...edges].map((edge, bin) => ({ value: String(bin + 1), from: dialect.number(edge) }));
  return byStep(own, [{ value: "0", from: "" }, ...steps]);
}

/** Returns the factor of a field's bins and what each of its positions adds to the log-odds; undefined without bins. */
function addedFactor({ encoded, coefficients }: PredictedRows, { divided, field }: NumberPlan) {
  if (!divided) return undefined;
  const index = encoded.factors.findIndex(({ name }) => name === field);
  const { positionCount, columnsAt } = encoded.factors[index];
  const values = Array.from(
    { length: positionCount },
    (_, position) =>
      columnsAt(position).reduce(
        (sum, column) => column >= divided.from && column < divided.to ? sum + coefficients[column] : sum,
        0,
      ),
  );
  return { index, values };
}

/** Returns an expression of the value at the row's index `i`. */
export function byIndex(values: readonly string[]): string {
  return values.length === 1
    ? values[0]
    : `CASE i ${values.map((value, i) => `WHEN ${i} THEN ${value}`).join(" ")} END`;
}

/** Returns a relation of the column `i` with the integers from 0 to count − 1. */
export function indices(count: number): string {
  return `(VALUES ${Array.from({ length: count }, (_, i) => `(${i})`).join(", ")}) AS fields(i)`;
}
