import { createChunkStore } from "../chunks/chunk_store.ts";
import { resetBudget } from "../chunks/memory_budget.ts";
import type { FeatureSpec, ReadSpec } from "../examples/spec.ts";
import type { TrainedModel } from "../train/register.ts";
import { type PreparedOptions, trainRead } from "../train/train.ts";
import type { ResourceOptions } from "../train/training_resources.ts";
import { accountOf, type BaseRows, baseRows } from "./base_rows.ts";
import { copiedBytes, copiedColumns, createCopyReader } from "./copied_rows.ts";
import { engineRecord, type SourceColumns } from "./source_columns.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

export interface FetchedTraining extends PreparedOptions, ResourceOptions {
  readonly spec: FeatureSpec;
  readonly engine: SqlEngine;
  readonly source: SourceColumns;
  readonly readSpec: ReadSpec;
  /** Rows up to which they are fetched. */
  readonly pushDownRows: number;
  /** A file beside which fetched rows that exceed the memory are spilled. */
  readonly spillsBeside: string;
  /** Called between statements. */
  readonly stage: (stage: string) => void;
}

/** Rows between two looks at the signal, and two reports. */
const rowsBetween = 1 << 14;

/** The view has more rows than are fetched. */
class MoreRows extends Error {
  override readonly name = "MoreRows";
}

/**
 * Fetches the rows by one statement, and trains on them as on those of a store.
 *
 * @returns undefined if they cannot be fetched, or if there are more than are to be.
 * @throws {Failure} as `trainOnEngine`.
 */
export async function trainFetched(context: FetchedTraining): Promise<TrainedModel | undefined> {
  const { engine, source, pushDownRows, readSpec, stage } = context;
  const { copy } = engine;
  if (!copy || pushDownRows === 0) return undefined;
  stage("number of rows");
  const expected = await expectedRows(engine, source, pushDownRows);
  if (expected > pushDownRows) return undefined;
  const rows = baseRows(readSpec, source, engine.dialect, "texts");
  try {
    return await trainCopied(context, rows, expected, copy);
  } catch (error) {
    if (error instanceof MoreRows) return undefined;
    throw error;
  }
}

/** Returns the rows that the engine's planner expects; if those are more than are fetched, their exact count. */
async function expectedRows(
  engine: SqlEngine,
  { view }: SourceColumns,
  pushDownRows: number,
): Promise<number> {
  const [[plan]] = await engine.query(`EXPLAIN SELECT * FROM ${view}`);
  const planned = Number(/ rows=(\d+) /.exec(String(plan))?.[1] ?? Infinity);
  if (planned <= pushDownRows) return planned;
  const [[count]] = await engine.query(`SELECT count(*) FROM ${view}`);
  return numberIn(count);
}

async function trainCopied(
  context: FetchedTraining,
  rows: BaseRows,
  expected: number,
  copy: NonNullable<SqlEngine["copy"]>,
): Promise<TrainedModel> {
  const { engine, spec, readSpec, source, signal, observe, pushDownRows } = context;
  const trained = await trainRead({ path: context.spillsBeside }, context, async ({ budget }) => {
    const read = async (isSorted: boolean) => {
      const columns = copiedColumns(rows, readSpec, source, engine.dialect, isSorted);
      const reader = createCopyReader(readSpec, source, columns, createChunkStore(budget));
      await copy(columns.select, (bytes, from, to) => {
        reader.add(bytes, from, to);
        const done = reader.rowCount();
        if (done > pushDownRows) throw new MoreRows();
        if (done % rowsBetween !== 0) return;
        signal?.throwIfAborted();
        observe?.stage?.({ stage: "fetching", done, unit: "rows" });
      });
      const view = { spec: readSpec, view: source.view, engine: engine.name };
      const account = accountOf(reader.fates(), rows.faults, view);
      const examples = reader.examples();
      return examples && { ...examples, account };
    };
    // They are sorted here if they fit into the memory, which is faster.
    const fits = expected * copiedBytes(spec) < 1024 * budget.kibibytes;
    const examples = await read(!fits);
    if (examples) return examples;
    resetBudget(budget);
    return await read(true) ?? unordered();
  });
  const { metadata } = trained;
  const data = { ...metadata.data, engine: engineRecord(engine, source) };
  return { ...trained, metadata: { ...metadata, data } };
}

function unordered(): never {
  throw new Error("sorted rows are read in any memory");
}
