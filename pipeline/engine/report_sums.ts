import { blockCount } from "../evaluate/coarse_rows.ts";
import type { SingleField } from "../evaluate/single_field.ts";
import { probabilityMin } from "../evaluate/metrics.ts";
import { foldCount, priorRows } from "../evaluate/single_field.ts";
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

/** Levels of a field, at most, by which the engine counts the rows of each block. */
const comparedMax = 4_096;

/** Collects what a report draws, in five statements whose results do not grow with the rows. @param onStatement Called before each. */
export async function collectReport(
  rows: ReportRows,
  onStatement: (stage: string) => void,
): Promise<ReportSums> {
  const { engine, encoded, part, scores } = rows;
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
  onStatement("groups and fields alone");
  const { groups, strongest, uncompared } = await compareFields(rows, numbers.bins);
  const [train, evaluated] = [sums.get(0), sums.get(part)];
  if (!train || !evaluated) throw new Error("no sums");
  return {
    ...{ scores, plans, ...numbers, strongest, uncompared, evaluated },
    groups,
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
  const { tables, select, columns, read } = termSums(dialect, encoded, "predicted", wanted, {
    also: [partColumn],
  });
  const found = await queryPredicted(rows, [...sums.keys()], select, { others: positions, tables, columns });
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

/** Counts the groups, and finds the field that predicts best alone, in one statement. */
async function compareFields(
  { engine, encoded, part, parted }: ReportRows,
  bins: readonly NumberBins[],
): Promise<Pick<ReportSums, "groups" | "strongest" | "uncompared">> {
  const { number } = engine.dialect;
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
  const groupsOf = `SELECT ${compared.length}, 0, count(*) * ${
    number(1)
  } FROM (SELECT DISTINCT ${hashColumn} FROM ${parted.from} WHERE ${parted.part} = ${part}) AS own`;
  if (compared.length === 0) {
    const [[, , groups]] = await engine.query(groupsOf);
    return { groups: numberIn(groups), strongest: undefined, uncompared };
  }
  const [y, w, b] = [labelColumn, weightColumn, blockColumn];
  const fold = `${b} % ${foldCount}`;
  const totals = [["level", "i, level"], ["own", `i, level, ${fold}`], ["fold", `i, ${fold}`], [
    "every",
    "i",
  ]];
  const windows = totals.flatMap(([name, by]) =>
    ["n", "k"].map((sum) => `sum(${sum}) OVER (PARTITION BY ${by}) AS ${name}_${sum}`)
  );
  const least = number(probabilityMin);
  // As `foldLosses`, whose folds are of groups.
  const found = await engine.query(
    `WITH cells AS (SELECT i, ${b}, level, sum(${w}) AS n, sum(${w} * ${y}) AS k FROM (SELECT i, ${b}, ${w}, ${y}, ${
      byIndex(compared.map(({ level }) => level))
    } AS level FROM ${from} CROSS JOIN ${
      indices(compared.length)
    } WHERE ${partColumn} = ${part}) AS listed GROUP BY i, ${b}, level), ` +
      `folds AS (SELECT i, ${b}, n, k, ${windows.join(", ")} FROM cells), ` +
      `rates AS (SELECT i, ${b}, n, k, (level_k - own_k + ${priorRows} * (every_k - fold_k + ${
        number(0.5)
      }) / (every_n - fold_n + ${number(1)})) / (level_n - own_n + ${priorRows}) AS rate FROM folds), ` +
      `bounded AS (SELECT i, ${b}, n, k, CASE WHEN rate < ${least} THEN ${least} WHEN rate > ${
        number(1 - probabilityMin)
      } THEN ${number(1 - probabilityMin)} ELSE rate END AS rate FROM rates) ` +
      `SELECT i, ${b}, sum(k * -ln(rate) - (n - k) * ln(1 - rate)) FROM bounded GROUP BY i, ${b} UNION ALL ${groupsOf}`,
    3,
  );
  // The groups are in place of a field after the last.
  const losses = [...compared, "groups"].map(() => new Float64Array(blockCount));
  for (const row of found) {
    const [index, block, loss] = row.map(numberIn);
    losses[index][block] = loss;
  }
  const [[groups]] = losses.splice(-1);
  const sums = losses.map((own) => own.reduce((sum, loss) => sum + loss, 0));
  const best = sums.indexOf(sums.reduce((least, sum) => Math.min(least, sum)));
  const { name, levels } = compared[best];
  return { groups, strongest: { name, levels, losses: losses[best] }, uncompared };
}
