import { type DesignChunk, type DesignMatrix, rowsOf, weightOf } from "./design_matrix.ts";
import { addSums, expandSums, layoutOf, type LossSums, passPoint } from "./objective.ts";
import { sharedFloat64, sharedInt32 } from "./shared_memory.ts";
import type { Job, Threads } from "./threads.ts";

/** Which rows a pass goes over: all of the wanted parts', or those of a few chunks for a first approximation. */
export type Scope = "all" | "sample";

/** Passes over the data of one design, for the solvers. Sums over rows, without penalty. */
export interface Passes {
  readonly design: DesignMatrix;
  /** Weight of the parts' rows (their count, where each counts once), and of those that the sample takes. */
  readonly weight: Readonly<Record<Scope, number>>;
  /** @param coefficients Shape (columns + 1), intercept last. */
  evaluate(coefficients: Float64Array, want: { hessian: boolean; scope?: Scope }): Promise<LossSums>;
}

/** Sums are kept apart for this many runs of chunks and then added in order: the same sum for any number of threads. */
const spanCount = 16;
const sampleRowsMin = 49_152;

/** Gives every thread the design. Jobs that follow name no data. */
export interface AttachJob extends Job {
  readonly kind: "attach";
  readonly design: DesignMatrix;
  readonly parts: readonly number[];
}

export interface PassJob extends Job {
  readonly kind: "pass";
  readonly scope: Scope;
  readonly hessian: boolean;
  readonly coefficients: Float64Array;
  /** Shape (1): the next span that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Zeros, shape (spans, layout.length). */
  readonly sums: Float64Array<SharedArrayBuffer>;
}

/** Prepares passes over some parts of a design on all threads. */
export async function createPasses(
  design: DesignMatrix,
  parts: readonly number[],
  threads: Threads,
): Promise<Passes> {
  const attach: AttachJob = { kind: "attach", design, parts };
  const state = createPassState();
  await threads.run(attach, () => state.attach(attach));
  const sample = sampleOf(design.chunks, rowsOf(design, parts));
  return {
    design,
    weight: { all: weightOf(design.chunks, parts), sample: weightOf(sample, parts) },
    async evaluate(coefficients, { hessian, scope = "all" }) {
      const layout = layoutOf(design, hessian);
      const spans = Math.min(spanCount, (scope === "all" ? design.chunks : sample).length);
      const sums = sharedFloat64(spans * layout.length);
      const job: PassJob = { kind: "pass", scope, hessian, coefficients, next: sharedInt32(1), sums };
      await threads.run(job, () => state.pass(job));
      const total = new Float64Array(layout.length);
      for (let span = 0, k = 0; span < spans; span++) {
        for (let i = 0; i < total.length; i++, k++) total[i] += sums[k];
      }
      return expandSums(design, layout, total);
    },
  };
}

/** One thread's side: the design it was given, and its part of each pass. */
export function createPassState(): { attach(job: AttachJob): void; pass(job: PassJob): void } {
  let design: DesignMatrix | undefined;
  let parts: readonly number[] = [];
  return {
    attach(job) {
      ({ design, parts } = job);
    },
    pass({ scope, hessian, coefficients, next, sums }) {
      if (!design) throw new Error("a pass before its design");
      const chunks = scope === "all" ? design.chunks : sampleOf(design.chunks, rowsOf(design, parts));
      const layout = layoutOf(design, hessian);
      const spans = spansOf(chunks);
      const point = passPoint(design, coefficients);
      for (let i = Atomics.add(next, 0, 1); i < spans.length; i = Atomics.add(next, 0, 1)) {
        // Sums of its own memory first: neighbours on one cache line would slow each other.
        const own = new Float64Array(layout.length);
        addSums(design, spans[i], parts, point, layout, own);
        sums.set(own, i * layout.length);
      }
    },
  };
}

/** Runs of consecutive chunks, about equal in number: where they end depends on the data alone. */
function spansOf(chunks: readonly DesignChunk[]): (readonly DesignChunk[])[] {
  const count = Math.min(spanCount, chunks.length);
  return Array.from(
    { length: count },
    (_, i) =>
      chunks.slice(Math.floor((i * chunks.length) / count), Math.floor(((i + 1) * chunks.length) / count)),
  );
}

/** Chunks at even distances with about `sampleRowsMin` rows, or a twentieth of all where that is more. */
function sampleOf(chunks: readonly DesignChunk[], rowCount: number): readonly DesignChunk[] {
  const share = Math.max(sampleRowsMin, rowCount / 20) / rowCount;
  const step = Math.floor(1 / share);
  return step <= 1 ? chunks : chunks.filter((_, i) => i % step === 0);
}
