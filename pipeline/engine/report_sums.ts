import { blockCount } from "../evaluate/coarse_rows.ts";
import type { SingleField } from "../evaluate/single_field.ts";
import { strongestOfSums } from "../evaluate/single_field.ts";
import { type ColumnSums, createColumnSums } from "../report/column_sums.ts";
import { type CurvePlan, curvePlansOf } from "../report/curve_plans.ts";
import type { NumberBins } from "../report/number_bins.ts";
import { hashColumn } from "./partition.ts";
import { labelColumn, weightColumn } from "./base_rows.ts";
import { blockColumn, partColumn, positionColumn } from "./engine_design.ts";
import type { PartedRows } from "./fit_encoder.ts";
import {
  addNumberSums,
  binOfColumn,
  byIndex,
  indices,
  type NumberParts,
  numberParts,
} from "./number_sums.ts";
import { type PredictedRows, queryPredicted } from "./predicted_rows.ts";
import type { ScoreSums } from "./score_histogram.ts";
import { numberIn } from "./sql_engine.ts";
import { termSums } from "./term_sums.ts";

/** What the report of a model draws, as sums over rows in an engine. */
export interface ReportSums extends NumberParts {
  readonly scores: ScoreSums;
  /** Number of groups of the evaluated rows. */
  readonly groups: number;
  readonly plans: readonly CurvePlan[];
  /** Whether the evaluated rows are held out; else they are those of the training. */
  readonly isHeldOut: boolean;
  readonly train: ColumnSums;
  readonly evaluated: ColumnSums;
  readonly strongest: SingleField | undefined;
  /** Fields of too many levels to be compared alone with the model. */
  readonly uncompared: readonly string[];
}

/** What a report on rows of an engine is collected from. */
export interface ReportRows extends PredictedRows {
  /** The rows with the hashes of their groups. */
  readonly parted: PartedRows;
  /** The part that is evaluated: 1 for the held-out rows, 0 for those of the training. */
  readonly part: number;
  /** Of the evaluated part. */
  readonly scores: ScoreSums;
}

/** Levels of a field, at most, by which rows of each block are counted. */
const comparedMax = 128;

/** Collects what a report draws, in six statements whose results do not grow with the rows. @param onStatement Called before each. */
export async function collectReport(
  rows: ReportRows,
  onStatement: (stage: string) => void,
): Promise<ReportSums> {
  const { engine, encoded, part, scores, parted } = rows;
  const plans = curvePlansOf(encoded.encoder);
  onStatement("parts of the curves");
  const numbers = await numberParts(engine, encoded, plans.filter((plan) => plan.kind === "numbers"), [part]);
  const parts = part === 0 ? [0] : [0, part];
  const sums = new Map(
    parts.map((own) => [own, createColumnSums(encoded.design.columnCount, numbers.bins)] as const),
  );
  onStatement("sums by level");
  await addLevelSums(rows, sums);
  onStatement("sums by bin");
  await addNumberSums(rows, numbers.bins, sums);
  onStatement("fields alone");
  const { strongest, uncompared } = await compareFields(rows, numbers.bins);
  onStatement("groups");
  const [[groups]] = await engine.query(
    `SELECT count(*) FROM (SELECT DISTINCT ${hashColumn} FROM ${parted.from} WHERE ${parted.part} = ${part}) AS own`,
  );
  const [train, evaluated] = [sums.get(0), sums.get(part)];
  if (!train || !evaluated) throw new Error("no sums");
  return {
    ...{ scores, plans, ...numbers, strongest, uncompared, evaluated },
    groups: numberIn(groups),
    isHeldOut: part !== 0,
    train,
  };
}

/** Adds up rows by level, in one statement. */
async function addLevelSums(rows: PredictedRows, sums: ReadonlyMap<number, ColumnSums>): Promise<void> {
  const { engine: { dialect }, encoded } = rows;
  const positions = [...new Set(encoded.blocks.flatMap(({ factors }) => factors))].map(positionColumn);
  const by = [true, true, false] as const;
  const wanted = [weightColumn, `${weightColumn} * ${labelColumn}`, `${weightColumn} * p`].map((of) => ({
    of,
    by,
  }));
  const { tables, select, read } = termSums(dialect, encoded, "predicted", wanted, { also: [partColumn] });
  const found = await queryPredicted(rows, [...sums.keys()], select, { others: positions, tables });
  for (const row of found.map(read)) {
    const own = sums.get(numberIn(row.also[0]));
    if (!own) throw new Error("rows of a part that was not asked for");
    const [weight, clicks, predicted] = row.sums.map(numberIn);
    if (row.columns.length === 0) {
      own.total.rows += weight;
      own.total.clicks += clicks;
      own.total.predicted += predicted;
    }
    for (const column of row.columns.flat()) {
      own.ones.rows[column] += weight;
      own.ones.clicks[column] += clicks;
      own.ones.predicted[column] += predicted;
    }
  }
}

/** Finds the field that predicts best alone, in one statement. */
async function compareFields(
  { engine, encoded, part }: ReportRows,
  bins: readonly NumberBins[],
): Promise<Pick<ReportSums, "strongest" | "uncompared">> {
  const { encoder, factors, from } = encoded;
  const fields = encoder.features.flatMap(({ name, type }) => {
    const factor = factors.findIndex((factor) => factor.name === name);
    const own = bins.find(({ plan }) => plan.field === name);
    if (type === "numeric" && own) {
      return [{
        name,
        levels: own.edges.length + 1,
        level: binOfColumn({ engine, encoded }, own.plan, own.edges),
      }];
    }
    return factor < 0 ? [] : [{ name, levels: factors[factor].positionCount, level: positionColumn(factor) }];
  });
  const compared = fields.filter(({ levels }) => levels > 1 && levels <= comparedMax);
  const uncompared = fields.filter(({ levels }) => levels > comparedMax).map(({ name }) => name);
  if (compared.length === 0) return { strongest: undefined, uncompared };
  const found = await engine.query(
    `SELECT i, ${blockColumn}, level, sum(${weightColumn}), sum(${weightColumn} * ${labelColumn}) FROM (SELECT i, ${blockColumn}, ` +
      `${weightColumn}, ${labelColumn}, ${
        byIndex(compared.map(({ level }) => level))
      } AS level FROM ${from} CROSS JOIN ${
        indices(compared.length)
      } WHERE ${partColumn} = ${part}) AS listed GROUP BY i, ${blockColumn}, level`,
  );
  const sums = compared.map(({ name, levels }) => ({
    ...{ name, levels },
    totals: new Float64Array(blockCount * levels),
    clicks: new Float64Array(blockCount * levels),
  }));
  for (const row of found) {
    const [index, block, level, weight, clicks] = row.map(numberIn);
    const { levels, totals, clicks: own } = sums[index];
    totals[block * levels + level] += weight;
    own[block * levels + level] += clicks;
  }
  return { strongest: strongestOfSums(sums), uncompared };
}
