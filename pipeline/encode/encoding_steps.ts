import type { StoredChunk } from "../chunks/chunk_file.ts";
import { type ChunkStore, loadEach } from "../chunks/chunk_store.ts";
import type { OrderedChunk, Walk } from "../examples/ordered_chunk.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Steps } from "../runtime/steps.ts";
import type { ChunkPlan } from "./design_chunk.ts";
import type { DesignChunk } from "./design_matrix.ts";
import {
  type AttachChunksJob,
  type ChunkStep,
  createEncodingState,
  type EncodeChunksJob,
  type EncodeFieldsJob,
  type FieldResults,
  type FieldTask,
  type Placed,
} from "./encoding_jobs.ts";
import type { Positions } from "./positions.ts";
import { changesNumbers, type Transform } from "./transform_chunk.ts";

/** The passes of encoding over the chunks, in which all threads take part. The results do not depend on who did what. */
export type EncodingSteps = ReturnType<typeof createEncodingSteps>;

/** @param chunkStore Stores the chunks that the calling thread changes. */
export function createEncodingSteps(chunkStore: ChunkStore) {
  const state = createEncodingState(chunkStore);
  let chunks: readonly StoredChunk<OrderedChunk>[] = [];
  function* attach(attached: readonly StoredChunk<OrderedChunk>[]): Steps<void> {
    chunks = attached;
    const { budget } = chunkStore;
    const job: AttachChunksJob = { kind: "attachChunks", isState: true, chunks, budget };
    yield { job, local: () => state.attachChunks(job) };
  }
  function* changed(step: ChunkStep): Steps<StoredChunk<object>[]> {
    const job: EncodeChunksJob = { kind: "encodeChunks", step, next: sharedInt32(1) };
    return placed(yield { job, local: () => state.encodeChunks(job) });
  }
  return {
    attach,
    /** Walks over the chunks on the calling thread. */
    walk: (() => loadEach(chunks)) as Walk,
    /**
     * Computes what tasks ask for.
     *
     * @param isWeighted Whether the chunks have weights.
     * @param beside Done by the calling thread first. It must not change the chunks.
     */
    *fields<Kind extends FieldTask["kind"]>(
      tasks: readonly Extract<FieldTask, { readonly kind: Kind }>[],
      isWeighted: boolean,
      beside: () => void = () => {},
    ): Steps<FieldResults[Kind][]> {
      const job: EncodeFieldsJob = { kind: "encodeFields", tasks, isWeighted, next: sharedInt32(1) };
      const results = yield {
        job,
        *local() {
          beside();
          yield;
          return yield* state.encodeFields(job);
        },
      };
      return placed(results) as FieldResults[Kind][];
    },
    /** Transforms the numbers of the chunks, and appends the positions of exact values. */
    *transform(features: readonly Transform[]): Steps<void> {
      if (!changesNumbers(features)) return;
      yield* attach(yield* changed({ kind: "transform", features }) as Steps<StoredChunk<OrderedChunk>[]>);
    },
    /** Marks the combinations that occur. @param flags Shape (combinations). */
    *markCombinations(factors: readonly Positions[], flags: Uint8Array<SharedArrayBuffer>): Steps<void> {
      const plain = factors.map(({ positionCount, source }) => ({ positionCount, source }));
      yield* changed({ kind: "mark", factors: plain, flags });
    },
    /** Makes the threads forget the chunks. @returns The chunks. */
    *detach(): Steps<StoredChunk<OrderedChunk>[]> {
      const own = [...chunks];
      yield* attach([]);
      return own;
    },
    /** Makes the chunks those of a design. */
    *design(plan: ChunkPlan): Steps<StoredChunk<DesignChunk>[]> {
      const designed = yield* changed({ kind: "design", plan });
      yield* attach([]);
      return designed as StoredChunk<DesignChunk>[];
    },
  };
}

/** Returns the values of all threads in their order. */
function placed<Value>(results: readonly unknown[]): Value[] {
  const values: Value[] = [];
  for (const { at, value } of results.flat() as readonly Placed<Value>[]) values[at] = value;
  return values;
}
