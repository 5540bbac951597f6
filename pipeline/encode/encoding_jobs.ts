import { isSpilled, type StoredChunk } from "../chunks/chunk_file.ts";
import { type ChunkStore, createChunkStore, createLoader, loadEach } from "../chunks/chunk_store.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import type { OrderedChunk } from "../examples/ordered_chunk.ts";
import { runToEnd } from "../runtime/steps.ts";
import type { Job } from "../runtime/thread_pool.ts";
import { markCombinations } from "./cells.ts";
import { type ChunkPlan, designChunkOf } from "./design_chunk.ts";
import type { DesignChunk } from "./design_matrix.ts";
import { imputationsOf, type ImputedField } from "./imputation.ts";
import { type MomentSums, momentSumsOf, type SummedField } from "./moments.ts";
import type { Positions } from "./positions.ts";
import { type CodeCounts, countCodesOf, type CountedField } from "./summarise.ts";
import { type Transform, transformChunk } from "./transform_chunk.ts";

/** Passes chunks to every thread. Later jobs refer to them. */
export interface AttachChunksJob extends Job {
  readonly kind: "attachChunks";
  readonly chunks: readonly StoredChunk<OrderedChunk>[];
  readonly budget: MemoryBudget | undefined;
}

/** What is computed of a field over the training rows: of each field in the order of the rows, whichever thread does it. */
export type FieldTask =
  | ({ readonly kind: "imputation" } & ImputedField)
  | ({ readonly kind: "moments" } & SummedField)
  | ({ readonly kind: "codes" } & CountedField);

/** The result of each kind of task. */
export interface FieldResults {
  readonly imputation: number;
  readonly moments: MomentSums;
  readonly codes: CodeCounts;
}

/** Threads take the next tasks in turn. */
export interface EncodeFieldsJob extends Job {
  readonly kind: "encodeFields";
  readonly tasks: readonly FieldTask[];
  readonly isWeighted: boolean;
  /** Shape (1): the next task that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** What is done to each chunk, in place; or marked, of its rows. */
export type ChunkStep =
  | { readonly kind: "transform"; readonly features: readonly Transform[] }
  | { readonly kind: "mark"; readonly factors: readonly Positions[]; readonly flags: Uint8Array }
  | { readonly kind: "design"; readonly plan: ChunkPlan };

/** Threads take the next chunk in turn. */
export interface EncodeChunksJob extends Job {
  readonly kind: "encodeChunks";
  readonly step: ChunkStep;
  /** Shape (1): the next chunk that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** The result of a task, or a chunk that replaces the one before. */
export interface Placed<Value> {
  readonly at: number;
  readonly value: Value;
}

/** Fields for which a thread reads spilled chunks once. In memory, a chunk costs nothing to read. */
const spilledFields = 16;

/** The state of one thread: the attached chunks. */
export type EncodingState = ReturnType<typeof createEncodingState>;

/** @param own Stores the chunks that the thread changes; default: one with the budget that they are attached with. */
export function createEncodingState(own?: ChunkStore) {
  let store = own;
  let chunks: readonly StoredChunk<OrderedChunk>[] = [];
  let loader = createLoader();
  return {
    attachChunks(job: AttachChunksJob): void {
      store ??= createChunkStore(job.budget);
      chunks = job.chunks;
      loader = createLoader();
    },
    *encodeFields({ tasks, isWeighted, next }: EncodeFieldsJob): Generator<void, Placed<unknown>[]> {
      const results: Placed<unknown>[] = [];
      const count = chunks.some(isSpilled) ? spilledFields : 1;
      for (let from = take(next, count); from < tasks.length; from = take(next, count)) {
        const numbered = tasks.slice(from, from + count).map((task, i) => ({ at: from + i, task }));
        for (const [kind, taken] of Map.groupBy(numbered, ({ task }) => task.kind)) {
          const values = resultsOf(kind, taken.map(({ task }) => task), () => loadEach(chunks), isWeighted);
          values.forEach((value, i) => results.push({ at: taken[i].at, value }));
          yield;
        }
      }
      return results;
    },
    *encodeChunks({ step, next }: EncodeChunksJob): Generator<void, Placed<StoredChunk<object>>[]> {
      const results: Placed<StoredChunk<object>>[] = [];
      for (let at = take(next, 1); at < chunks.length; at = take(next, 1)) {
        if (step.kind === "mark") markCombinations(step.factors, loader.load(chunks[at]), step.flags);
        else {
          store ??= createChunkStore();
          results.push({ at, value: store.rewriteOne(chunks[at], changeOf(step, store)) });
        }
        yield;
      }
      return results;
    },
  };
}

function take(next: Int32Array, count: number): number {
  return Atomics.add(next, 0, count);
}

function changeOf(
  step: Exclude<ChunkStep, { readonly kind: "mark" }>,
  { columns }: ChunkStore,
): (chunk: OrderedChunk) => OrderedChunk | DesignChunk {
  return step.kind === "transform"
    ? (chunk) => transformChunk(chunk, step.features, columns)
    : (chunk) => designChunkOf(chunk, step.plan, columns);
}

/** @param tasks All of the kind. */
function resultsOf(
  kind: FieldTask["kind"],
  tasks: readonly FieldTask[],
  walk: () => Iterable<OrderedChunk>,
  isWeighted: boolean,
): readonly unknown[] {
  switch (kind) {
    case "imputation":
      return imputationsOf(walk, tasks.filter((task) => task.kind === kind), isWeighted);
    case "moments":
      return momentSumsOf(walk, tasks.filter((task) => task.kind === kind));
    case "codes":
      return countCodesOf(walk, tasks.filter((task) => task.kind === kind), isWeighted);
  }
}

/** The jobs by which a thread takes part in encoding. */
export function createEncodingJobs() {
  const state = createEncodingState();
  return {
    attachChunks: state.attachChunks,
    encodeFields: (job: EncodeFieldsJob) => runToEnd(state.encodeFields(job)),
    encodeChunks: (job: EncodeChunksJob) => runToEnd(state.encodeChunks(job)),
  };
}
