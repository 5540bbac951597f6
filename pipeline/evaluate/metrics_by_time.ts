import { loadEach } from "../chunks/chunk_store.ts";
import { isSpilled } from "../chunks/chunk_file.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import type { Metrics, MetricsByTime } from "../model/artifact_metadata.ts";
import { createPeriodChoice, type Periods, periodStart } from "./periods.ts";
import { createPredictionAccumulator, type PredictionAccumulator } from "./prediction_accumulator.ts";

/** Collects predictions of rows by the period of their time. Rows without a time are in none. */
export interface PeriodAccumulator {
  /** @param predictions Probabilities of rows from … to − 1 of the chunk. */
  add(chunk: DesignChunk, from: number, to: number, predictions: Float64Array): void;
  /** @param baseRate The training rows' weighted click rate. */
  metrics(baseRate: number): MetricsByTime;
}

/**
 * Divides the rows of some parts by time.
 *
 * @returns undefined if rows have no times, or if these are not divided into 4 to 30 periods by any unit.
 */
export function createPeriodAccumulator(
  design: DesignMatrix,
  parts: readonly number[],
): PeriodAccumulator | undefined {
  const [first] = design.chunks;
  if (first === undefined || (isSpilled(first) ? first.fields : first).times === undefined) return undefined;
  const choice = createPeriodChoice();
  visitTimes(design, parts, choice.add);
  const periods = choice.choose();
  if (!periods) return undefined;
  const { unit } = periods;
  const rowCounts = new Map<number, number>();
  visitTimes(design, parts, (time) => {
    const period = periods.of(time);
    if (period !== undefined) rowCounts.set(period, (rowCounts.get(period) ?? 0) + 1);
  });
  const predictions = new Map(
    [...rowCounts].sort(([a], [b]) => a - b).map((
      [period, rows],
    ) => [period, createPredictionAccumulator(rows)]),
  );
  return {
    add: (chunk, from, to, probabilities) =>
      addRows(chunk, { from, to, probabilities }, periods, predictions),
    metrics: (baseRate) => ({
      unit,
      parts: [...predictions].map(([period, own]) => ({
        from: periodStart(unit, period),
        rows: rowCounts.get(period) ?? 0,
        clicks: own.clicks(),
        ...summaryOf(own.metrics(baseRate)),
      })),
    }),
  };
}

function visitTimes(design: DesignMatrix, parts: readonly number[], visit: (time: number) => void): void {
  for (const chunk of loadEach(design.chunks)) {
    const { times } = chunk;
    if (!times) throw new Error("the design has no times");
    forRowRanges(chunk, parts, (from, to) => {
      for (let i = from; i < to; i++) visit(times[i]);
    });
  }
}

/** Adds each range of consecutive rows of one period at once. */
function addRows(
  chunk: DesignChunk,
  { from, to, probabilities }: { from: number; to: number; probabilities: Float64Array },
  periods: Periods,
  predictions: ReadonlyMap<number, PredictionAccumulator>,
): void {
  const { times } = chunk;
  if (!times) throw new Error("the chunk has no times");
  for (let i = from; i < to;) {
    const [start, period] = [i, periods.of(times[i])];
    while (++i < to && periods.of(times[i]) === period);
    if (period !== undefined) {
      predictions.get(period)?.add(chunk, start, i, probabilities.subarray(start - from, i - from));
    }
  }
}

/** Sums up the calibration by its means: bins of a period would be small. */
function summaryOf({ log_loss, auc, base_log_loss, calibration }: Metrics) {
  const mean = (of: "predicted" | "observed") =>
    calibration.reduce((sum, bin) => sum + bin.rows * bin[of], 0) /
    calibration.reduce((sum, { rows }) => sum + rows, 0);
  return { log_loss, auc, base_log_loss, predicted: mean("predicted"), observed: mean("observed") };
}
