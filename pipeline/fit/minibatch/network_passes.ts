import { createBackpropagation } from "./backpropagation.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import { type ParameterLayout, parameterLayout } from "./network_parameters.ts";
import type { BatchRows } from "./row_order.ts";
import { sharedFloat64, sharedInt32, sharedUint32 } from "../../runtime/shared_memory.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";

/** Computes sums over batches of rows, for mini-batch training. */
export interface NetworkPasses {
  /** The caller writes the rows of a batch here, shape (`batchRowsMax`). */
  readonly batch: BatchRows;
  /**
   * Sums over the first `rowCount` rows of the batch.
   *
   * @returns Gradient of the summed log loss, then that sum, without penalty: shape (layout.length + 1). Overwritten by the
   *   next call.
   */
  sum(rowCount: number): Promise<Float64Array>;
}

/** Passes all shared memory to the threads once, so that the job of a batch is a few numbers. */
export interface AttachNetworkJob extends Job {
  readonly kind: "attachNetwork";
  readonly design: DesignMatrix;
  readonly hidden: readonly number[];
  readonly batch: BatchRows;
  readonly parameters: Float64Array<SharedArrayBuffer>;
  /** Shape (row ranges, layout.length + 1). */
  readonly sums: Float64Array<SharedArrayBuffer>;
  /** Shape (1): the next row range that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

export interface SumBatchJob extends Job {
  readonly kind: "sumBatch";
  readonly rowCount: number;
}

/**
 * A batch is summed in up to 8 row ranges whose sums are then added in order: the result is the same for any number of
 * threads. Models with many parameters use fewer, since adding the ranges' sums would cost more than the rows.
 */
const rangesMax = 8;
const rangeSumsMax = 2 ** 18;
/** Parameters times rows above which it pays to wake the other threads. */
const sharedWorkMin = 2 ** 20;

function rangeCountOf({ length }: ParameterLayout): number {
  return Math.max(1, Math.min(rangesMax, Math.floor(rangeSumsMax / length)));
}

/** @param options.batchRowsMax Rows of the largest batch. */
export async function createNetworkPasses(
  design: DesignMatrix,
  threads: Threads,
  options: Pick<AttachNetworkJob, "hidden" | "parameters"> & { readonly batchRowsMax: number },
): Promise<NetworkPasses> {
  const { hidden, parameters, batchRowsMax } = options;
  const layout = parameterLayout(design.columnCount, hidden);
  const rangeCount = rangeCountOf(layout);
  const length = layout.length + 1;
  const attach: AttachNetworkJob = {
    kind: "attachNetwork",
    design,
    hidden,
    batch: { chunks: sharedUint32(batchRowsMax), rows: sharedUint32(batchRowsMax) },
    parameters,
    sums: sharedFloat64(rangeCount * length),
    next: sharedInt32(1),
  };
  const state = createNetworkState();
  await threads.run(attach, () => state.attachNetwork(attach));
  const total = new Float64Array(length);
  return {
    batch: attach.batch,
    async sum(rowCount) {
      attach.next[0] = 0;
      const job: SumBatchJob = { kind: "sumBatch", rowCount };
      if (threads.count === 1 || rangeCount === 1 || rowCount * layout.length < sharedWorkMin) {
        state.sumBatch(job);
      } else await threads.run(job, () => state.sumBatch(job));
      total.set(attach.sums.subarray(0, length));
      for (let range = 1, k = length; range < rangeCount; range++) {
        for (let i = 0; i < length; i++, k++) total[i] += attach.sums[k];
      }
      return total;
    },
  };
}

/** Creates the state of one thread: the attached memory, from which it sums its row ranges of each batch. */
export function createNetworkState(): {
  attachNetwork(job: AttachNetworkJob): void;
  sumBatch(job: SumBatchJob): void;
} {
  let sumRanges: ((rowCount: number) => void) | undefined;
  return {
    attachNetwork({ design, hidden, batch, parameters, sums, next }) {
      const layout = parameterLayout(design.columnCount, hidden);
      const backpropagation = createBackpropagation(design, layout);
      const rangeCount = rangeCountOf(layout);
      // Summed in thread-local memory first, to avoid false sharing of cache lines.
      const local = new Float64Array(layout.length + 1);
      sumRanges = (rowCount) => {
        for (let i = Atomics.add(next, 0, 1); i < rangeCount; i = Atomics.add(next, 0, 1)) {
          const from = Math.floor((i * rowCount) / rangeCount);
          const to = Math.floor(((i + 1) * rowCount) / rangeCount);
          local.fill(0);
          backpropagation.add(batch, from, to, parameters, local);
          sums.set(local, i * local.length);
        }
      };
    },
    sumBatch({ rowCount }) {
      if (!sumRanges) throw new Error("a batch is summed before attachNetwork");
      sumRanges(rowCount);
    },
  };
}
