import { usageInvalid } from "../../failure.ts";
import type { TableDraws } from "../../model/table_draws.ts";
import { boostAll } from "./boost_jobs.ts";
import { blocksOf } from "./boost_fields.ts";
import { type BoostRows, type BoostRun, type BoostTask, type FoldedRows, stopping } from "./boost_rows.ts";
import { fitCoefficients } from "./coefficients.ts";
import { fitIntercept, type FittedTables } from "./fit_tables.ts";
import { keyOf, tablesIn } from "./fold_coefficients.ts";
import { addTable, type Table } from "./forest_tables.ts";
import { type FoundTable, kindOf, type Steps, widthOf } from "./found_model.ts";
import { createPause, type Pause, runWithPauses } from "./pauses.ts";
import { type MeanRows, purifyInSteps } from "./purify.ts";
import { resampledWeights } from "./resampled_weights.ts";
import type { SearchContext } from "./search_options.ts";
import { streamSeed } from "./stream_seed.ts";

/** What tables were made of, by which they are made again of resampled groups. */
export interface DrawBasis {
  readonly rows: FoldedRows & Required<Pick<BoostRows, "groups">>;
  readonly steps: Steps;
  readonly model: FittedTables;
}

/** Resamples of the groups, fewer of many cells; and numbers that the artifact keeps, at most. */
const [drawsMax, drawsMin, numbersMax] = [50, 20, 3 * 2 ** 20];
/** Fewer groups would often leave a resample without rows of a label. */
const groupsMin = 20;
/** Resamples whose trees are grown, and kept if the training is interrupted, together. */
const batchSize = 10;
/** Numbers of streams of random numbers, after those of `find_tables.ts`. */
const streams = { groups: 300, trees: 1000 };

/**
 * Makes the tables again of resampled groups, each of which counts as often as a Poisson number says: trees of the same kinds and pairs are
 * boosted, the coefficients are fitted to the same contributions out of fold, and each cell of the tables is the mean of the rows in it.
 *
 * @throws {Failure} `usage-invalid` for too few groups or too many cells; whatever `checkpoint` throws.
 * @see Chamandy et al., Estimating Uncertainty for Massive Data Streams (2012).
 */
export async function drawTables(
  { rows, steps, model }: DrawBasis,
  { threads, observe, checkpoint, kept }: Pick<SearchContext, "threads" | "observe" | "checkpoint" | "kept">,
): Promise<TableDraws> {
  const pause = createPause(checkpoint);
  const count = drawCount(model.tables);
  const resamples = await usableResamples(rows, streamSeed(steps.seed, streams.groups), count, pause);
  const shapes = model.tables.map((table) => shapeOf(table, rows));
  const drawn: DrawnTables[] = [];
  const [{ mode, leaves, pairs }] = steps.kinds;
  const treesEach = steps.kinds.reduce((sum, { trees }) => sum + trees, 0);
  const event = { stage: "resamples", mode, leaves, pairCount: pairs.length } as const;
  for (let from = 0; from < count; from += batchSize) {
    const batch = resamples.slice(from, from + batchSize);
    const runs = await boostAll(rows, batch.flatMap((resample) => tasksOf(rows, steps, resample)), threads, {
      ...{ checkpoint, kept },
      observe: observe &&
        ((trees) => observe({ ...event, trees: from * treesEach + trees, treesTotal: count * treesEach })),
    });
    const kindCount = steps.kinds.length;
    for (const [i, resample] of batch.entries()) {
      const own = runs.slice(i * kindCount, (i + 1) * kindCount);
      drawn.push(await drawOne(rows, resampledWeights(rows, resample), own, { model, shapes, pause }));
    }
  }
  return {
    count,
    intercepts: Float64Array.from(drawn, ({ intercept }) => intercept),
    tables: shapes.map(({ cellCount }, t) => ({
      coefficients: Float64Array.from(drawn, ({ coefficients }) => coefficients[t]),
      cells: Float64Array.from(
        { length: cellCount * count },
        (_, i) => drawn[i % count].cells[t][Math.floor(i / count)],
      ),
    })),
  };
}

/** @throws {Failure} `usage-invalid` */
function drawCount(tables: readonly FoundTable[]): number {
  const cellCount = tables.reduce((sum, { cells }) => sum + cells.length, 0);
  const count = Math.min(drawsMax, Math.floor(numbersMax / cellCount));
  if (count >= drawsMin) return count;
  throw usageInvalid(
    `--intervals bootstrap keeps ${drawsMin} numbers or more for each cell, and these tables have ${cellCount} cells, more than ${
      Math.floor(numbersMax / drawsMin)
    }. Leave it out, or take features of many levels out of the spec.`,
  );
}

/** Returns the first resamples in which rows have both labels. @throws {Failure} `usage-invalid` */
async function usableResamples(
  rows: DrawBasis["rows"],
  seed: number,
  count: number,
  pause: Pause,
): Promise<NonNullable<BoostTask["resample"]>[]> {
  const { labels, groups } = rows;
  const groupCount = new Set(groups).size;
  const usable: NonNullable<BoostTask["resample"]>[] = [];
  for (let number = 0; groupCount >= groupsMin && number < 2 * count; number++) {
    await pause();
    const weights = resampledWeights(rows, { number, seed });
    const sums = [0, 0];
    for (let i = 0; i < labels.length; i++) sums[labels[i]] += weights[i];
    if (sums[0] > 0 && sums[1] > 0) usable.push({ number, seed });
    if (usable.length === count) return usable;
  }
  throw usageInvalid(
    `--intervals bootstrap resamples the groups of the training rows, and there are ${groupCount}` +
      `${
        groupCount < groupsMin ? "" : ", of which too few have rows of one label"
      }: leave it out, or load more rows.`,
  );
}

function tasksOf(
  rows: FoldedRows,
  { kinds, seed }: Steps,
  resample: NonNullable<BoostTask["resample"]>,
): BoostTask[] {
  const fittedTo = blocksOf(rows);
  return kinds.map((kind, k) => ({
    ...kindOf(kind),
    fittedTo,
    pairs: kind.pairs,
    treesMax: kind.trees,
    patience: stopping.patience,
    seed: streamSeed(seed, streams.trees + resample.number * kinds.length + k),
    resample,
  }));
}

/** The model's tables, made of a resample: what each cell adds to the log-odds, with the coefficient. */
interface DrawnTables {
  readonly intercept: number;
  readonly coefficients: readonly number[];
  readonly cells: readonly Float64Array[];
}

interface DrawOptions {
  readonly model: FittedTables;
  readonly shapes: readonly TableShape[];
  readonly pause: Pause;
}

async function drawOne(
  rows: FoldedRows,
  weights: Float64Array,
  runs: readonly BoostRun[],
  { model: { fitted, tables }, shapes, pause }: DrawOptions,
): Promise<DrawnTables> {
  const { form, coefficients, keys, values, places } = fitted;
  const { fields, labels } = rows;
  const among = Uint32Array.from(labels.keys());
  const own = await fitCoefficients(
    { ...values, weights: Float64Array.from(places, (row) => weights[row]) },
    {
      start: Float64Array.of(...coefficients.coefficients, coefficients.intercept),
      ridge: coefficients.certificate.ridge,
      pause,
    },
  );
  const coefficientOf = new Map(keys.map((key, t) => [key, own.coefficients[t]]));
  const made = await tablesIn(form, runs, { fields, among, weights }, pause);
  const scaled = made.tables.map((table) => {
    const coefficient = coefficientOf.get(keyOf(table)) ?? 1;
    return { ...table, cells: table.cells.map((cell) => coefficient * cell) };
  });
  const logits = new Float64Array(labels.length);
  for (const table of scaled) addTable(table, fields, among, logits);
  const intercept = fitIntercept(logits, labels, weights, own.intercept);
  // By the rows as they are, as those of the model.
  const unweighted = { fields, among, weights: rows.weights };
  const pure = await runWithPauses(purifyInSteps(intercept, scaled, unweighted), pause);
  const byKey = new Map(pure.tables.map((table) => [keyOf(table), table]));
  const cells: Float64Array[] = [];
  for (const [t, table] of tables.entries()) {
    const drawn = byKey.get(keyOf(table));
    cells.push(drawn ? meansIn(shapes[t], drawn, unweighted) : new Float64Array(shapes[t].cellCount));
    await pause();
  }
  return {
    intercept: pure.intercept,
    coefficients: tables.map((table) => coefficientOf.get(keyOf(table)) ?? 1),
    cells,
  };
}

/** How the bins of fields are cells of a table. */
interface TableShape extends Pick<FoundTable, "fields" | "positions"> {
  readonly cellCount: number;
  readonly width: number;
  /** Per field and position, the bin of the most rows: what a cell without rows stands for. */
  readonly usual: readonly Int32Array[];
}

function shapeOf({ fields: own, positions, cells }: FoundTable, { fields, labels }: FoldedRows): TableShape {
  const usual = positions.map((positionOf, axis) => {
    const { codes, binCount } = fields[own[axis] ?? 0];
    const counts = new Int32Array(binCount);
    for (let i = 0; i < labels.length; i++) counts[codes[i]]++;
    const bins = new Int32Array(widthOf(positionOf)).fill(-1);
    for (let bin = 0; bin < binCount; bin++) {
      const at = positionOf[bin];
      if (bins[at] < 0 || counts[bin] > counts[bins[at]]) bins[at] = bin;
    }
    return bins;
  });
  const width = positions.length === 2 ? widthOf(positions[1]) : 1;
  return { fields: own, positions, cellCount: cells.length, width, usual };
}

/** Returns the mean of a table's values over the rows in each cell of another table of the same fields. */
function meansIn(
  { fields: [first, second], positions, cellCount, width, usual }: TableShape,
  { positions: drawnPositions, shape, cells }: Table,
  { fields, among, weights }: MeanRows,
): Float64Array {
  const [sums, totals] = [new Float64Array(cellCount), new Float64Array(cellCount)];
  const down = fields[first].codes;
  const across = second === undefined ? undefined : fields[second].codes;
  const valueAt = (row: number, column: number) =>
    cells[drawnPositions[0][row] * shape[1] + (across ? drawnPositions[1][column] : 0)];
  for (let i = 0; i < among.length; i++) {
    const [row, column] = [down[i], across ? across[i] : 0];
    const at = positions[0][row] * width + (across ? positions[1][column] : 0);
    const weight = weights ? weights[i] : 1;
    sums[at] += weight * valueAt(row, column);
    totals[at] += weight;
  }
  return sums.map((sum, at) =>
    totals[at] > 0
      ? sum / totals[at]
      : valueAt(usual[0][Math.floor(at / width)], across ? usual[1][at % width] : 0)
  );
}
