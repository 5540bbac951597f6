import { createBackpropagation } from "./backpropagation.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import { type ParameterLayout, parameterLayout } from "./network_parameters.ts";
import type { BatchRows } from "./row_order.ts";
import { sharedFloat64, sharedInt32, sharedUint32 } from "../../runtime/shared_memory.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";

/** Sums over batches of rows, for mini-batch training. */
export interface NetworkPasses {
  /** Where the caller writes the rows of a batch, shape (batch rows at the most). */
  readonly batch: BatchRows;
  /**
   * @param rowCount Rows of the batch.
   * @returns Gradient of the summed log losses, then that sum, without penalty: shape (layout.length + 1). Overwritten by the next call.
   */
  sum(rowCount: number): Promise<Float64Array>;
}

/** All memory that the threads share: given once, so that a batch's job is a few numbers. */
export interface AttachNetworkJob extends Job {
  readonly kind: "attachNetwork";
  readonly design: DesignMatrix;
  readonly hidden: readonly number[];
  readonly batch: BatchRows;
  readonly parameters: Float64Array<SharedArrayBuffer>;
  /** Shape (slices, layout.length + 1). */
  readonly sums: Float64Array<SharedArrayBuffer>;
  /** Shape (1): the next slice that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

export interface SumBatchJob extends Job {
  readonly kind: "sumBatch";
  readonly rowCount: number;
}

/**
 * A batch is summed in this many slices that are then added in order: the same sum for any number of threads. Fewer where
 * parameters are so many that adding up their slices would cost more than the rows do.
 */
const slicesMax = 8;
const slicedNumbersMax = 2 ** 18;
/** Parameters times rows from which on waking the other threads is worth it. */
const sharedWorkMin = 2 ** 20;

function sliceCountOf({ length }: ParameterLayout): number {
  return Math.max(1, Math.min(slicesMax, Math.floor(slicedNumbersMax / length)));
}

/** @param options.batchRowsMax Rows of the largest batch. */
export async function createNetworkPasses(
  design: DesignMatrix,
  threads: Threads,
  options: {
    readonly hidden: readonly number[];
    readonly parameters: Float64Array<SharedArrayBuffer>;
    readonly batchRowsMax: number;
  },
): Promise<NetworkPasses> {
  const { hidden, parameters, batchRowsMax } = options;
  const layout = parameterLayout(design.columnCount, hidden);
  const sliceCount = sliceCountOf(layout);
  const length = layout.length + 1;
  const attach: AttachNetworkJob = {
    kind: "attachNetwork",
    design,
    hidden,
    batch: { chunks: sharedUint32(batchRowsMax), rows: sharedUint32(batchRowsMax) },
    parameters,
    sums: sharedFloat64(sliceCount * length),
    next: sharedInt32(1),
  };
  const own = createNetworkState();
  await threads.run(attach, () => own.attachNetwork(attach));
  const total = new Float64Array(length);
  return {
    batch: attach.batch,
    async sum(rowCount) {
      attach.next[0] = 0;
      const job: SumBatchJob = { kind: "sumBatch", rowCount };
      if (threads.count === 1 || sliceCount === 1 || rowCount * layout.length < sharedWorkMin) {
        own.sumBatch(job);
      } else await threads.run(job, () => own.sumBatch(job));
      total.set(attach.sums.subarray(0, length));
      for (let slice = 1, k = length; slice < sliceCount; slice++) {
        for (let i = 0; i < length; i++, k++) total[i] += attach.sums[k];
      }
      return total;
    },
  };
}

/** One thread's side: what it was given, and its part of each batch. */
export function createNetworkState(): {
  attachNetwork(job: AttachNetworkJob): void;
  sumBatch(job: SumBatchJob): void;
} {
  let sumSlices: ((rowCount: number) => void) | undefined;
  return {
    attachNetwork({ design, hidden, batch, parameters, sums, next }) {
      const layout = parameterLayout(design.columnCount, hidden);
      const backpropagation = createBackpropagation(design, layout);
      const sliceCount = sliceCountOf(layout);
      // Sums of its own memory first: neighbours on one cache line would slow each other.
      const own = new Float64Array(layout.length + 1);
      sumSlices = (rowCount) => {
        for (let i = Atomics.add(next, 0, 1); i < sliceCount; i = Atomics.add(next, 0, 1)) {
          const from = Math.floor((i * rowCount) / sliceCount);
          const to = Math.floor(((i + 1) * rowCount) / sliceCount);
          own.fill(0);
          backpropagation.add(batch, from, to, parameters, own);
          sums.set(own, i * own.length);
        }
      };
    },
    sumBatch({ rowCount }) {
      if (!sumSlices) throw new Error("a batch before its design");
      sumSlices(rowCount);
    },
  };
}
