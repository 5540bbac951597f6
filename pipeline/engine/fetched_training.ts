import { createChunkStore } from "../chunks/chunk_store.ts";
import type { FeatureSpec, ReadSpec } from "../examples/spec.ts";
import type { TrainedModel } from "../train/register.ts";
import { type PreparedOptions, trainRead } from "../train/train.ts";
import type { ResourceOptions } from "../train/training_resources.ts";
import { baseRows, changedRows, exampleRows, type ReadRows } from "./base_rows.ts";
import { copiedColumns, createCopyReader } from "./copied_rows.ts";
import { engineRecord, type SourceColumns } from "./source_columns.ts";
import type { SqlEngine } from "./sql_engine.ts";

export interface FetchedTraining extends PreparedOptions, ResourceOptions {
  readonly spec: FeatureSpec;
  readonly engine: SqlEngine;
  readonly source: SourceColumns;
  readonly readSpec: ReadSpec;
  /** A file beside which fetched rows that exceed the memory are spilled. */
  readonly spillsBeside: string;
}

/** Fetches the rows, and trains on them as on those of a store. */
export async function trainFetched(
  context: FetchedTraining,
  read: ReadRows,
  copy: NonNullable<SqlEngine["copy"]>,
): Promise<TrainedModel> {
  const { engine, spec, readSpec, source, signal, observe } = context;
  const { dialect } = engine;
  const rows = exampleRows(`(${baseRows(readSpec, source, dialect)}) AS view_rows`);
  const trained = await trainRead({ path: context.spillsBeside }, context, async ({ budget }) => {
    const reader = createCopyReader(spec, source, createChunkStore(budget));
    for await (const piece of copy(copiedColumns(`(${rows}) AS examples`, spec, dialect))) {
      reader.add(piece);
      signal?.throwIfAborted();
      observe?.stage?.({ stage: "fetching", done: reader.rowCount(), total: read.read, unit: "rows" });
    }
    const expected = read.read - read.noLabel - read.zeroWeight;
    if (reader.rowCount() !== expected) throw changedRows(`${expected} examples`, String(reader.rowCount()));
    return { ...reader.examples(), account: read };
  });
  const { metadata } = trained;
  const data = { ...metadata.data, engine: await engineRecord(engine, source) };
  return { ...trained, metadata: { ...metadata, data } };
}
