import { type EncodedExamples, encodeInSteps, type EncodeOptions } from "../../pipeline/encode/encode.ts";
import { mergeChunks } from "../../pipeline/examples/merge_chunks.ts";
import { viewColumnNames } from "../../pipeline/examples/row_layout.ts";
import { createChunkBuilder } from "../../pipeline/examples/chunk_builder.ts";
import type { RawExamples } from "../../pipeline/examples/raw_examples.ts";
import { type FeatureSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import type { Partition } from "../../pipeline/examples/split.ts";
import { runToEnd } from "../../pipeline/runtime/steps.ts";
import { startThreads, type Threads } from "../../pipeline/runtime/thread_pool.ts";

/** One example by field name; `id` and `who` have generated defaults. */
export type ExampleRow = Readonly<Record<string, unknown>>;

/** A feature as features.json writes it. */
export type FeatureText = Readonly<Record<string, unknown>> & { readonly name: string };

/** Returns a spec over the columns id, clicked, who, weight if `weight` is set, and the time if there is one. */
export function specOf(
  features: readonly FeatureText[],
  options: { weight?: boolean; time?: string; crosses?: readonly unknown[]; rates?: readonly unknown[] } = {},
): FeatureSpec {
  const { weight, ...combined } = options;
  const names = { id: "id", label: "clicked", group: "who" };
  return parseSpec(
    { ...names, ...(weight ? { weight: "weight" } : {}), ...combined, features },
    "the test's spec",
  );
}

/** Returns examples in memory, as if read from a view. @param chunkRows Rows per chunk: many chunks from few rows. */
export function rawExamplesOf(spec: FeatureSpec, rows: readonly ExampleRow[], chunkRows = 50): RawExamples {
  const builder = createChunkBuilder(spec, { rowsMax: chunkRows });
  const names = viewColumnNames(spec);
  const cells = rows.map((row, i) => {
    const defaults: ExampleRow = { id: i, clicked: 0, who: `who-${i}`, weight: 1 };
    return names.map((name) => row[name] ?? defaults[name] ?? null);
  });
  const parts = [];
  for (let from = 0; from < cells.length; from += chunkRows) {
    builder.add(cells.slice(from, from + chunkRows));
    parts.push({ order: from, chunk: builder.take(), levels: builder.levels, kinds: builder.kinds });
  }
  return mergeChunks(parts);
}

/** All rows are training rows. */
export const allTrain: Partition = { partCount: 3, partOf: () => 0 };

/** Runs all steps of encoding. */
export function encodeExamples(
  raw: RawExamples,
  spec: FeatureSpec,
  partition: Partition,
  options: EncodeOptions,
): EncodedExamples {
  return runToEnd(encodeInSteps(raw, spec, partition, options));
}

export function encodeRows(
  spec: FeatureSpec,
  rows: readonly ExampleRow[],
  options: { chunkRows?: number; poolPure?: boolean; partition?: Partition } = {},
): EncodedExamples {
  const { chunkRows, poolPure = false, partition = allTrain } = options;
  return encodeExamples(rawExamplesOf(spec, rows, chunkRows), spec, partition, { poolPure });
}

/** Threads without workers: only the calling thread. */
export const alone: Threads = startThreads(1, new URL("file:///no-worker-is-started.ts"));

/** Converts columns of equal length to rows. */
export function rowsOfColumns(columns: Readonly<Record<string, readonly unknown[]>>): ExampleRow[] {
  const [first = []] = Object.values(columns);
  return first.map((_, i) =>
    Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]]))
  );
}
