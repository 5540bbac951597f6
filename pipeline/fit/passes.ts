import { type ChunkLoader, createLoader, loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { weightOf } from "../encode/row_weight.ts";
import { chunkRangeCount, chunkRangesOf, totalOf } from "./chunk_ranges.ts";
import {
  addCoarse,
  type CoarseColumns,
  coarseHessianOf,
  type CoarseJob,
  coarseJobOf,
} from "./coarse_hessian.ts";
import { forLogits } from "./logits.ts";
import { clickWeightOf, expandSums, type LossSums, passPoint } from "./objective.ts";
import { createRowKernel, type RowKernel } from "./row_kernel.ts";
import { layoutOf } from "./sums_layout.ts";
import { type Score, scoreOf } from "./holdout_score.ts";
import { sharedFloat64, sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";

/** The rows of a pass: all of the selected parts, or those in a sample of the chunks, for a first approximation. */
export type Scope = "all" | "sample";

/** Passes over one design, for the solvers, wherever its rows lie. Results are sums over rows, without penalty. */
export interface Passes {
  /** Without rows, if these do not lie in memory. */
  readonly design: DesignMatrix;
  /** The parts whose rows are included. */
  readonly parts: readonly number[];
  /** Weight of the parts' rows (their number, if there are no weights), and of those in the sample. */
  readonly weight: { readonly all: number; readonly sample: number };
  /** Returns the weight of the clicked rows. */
  clickWeight(): number;
  /** @param coefficients Shape (columns + 1), intercept last. */
  evaluate(
    coefficients: Float64Array,
    options: { readonly hessian: boolean; readonly scope?: Scope },
  ): Promise<LossSums>;
  /**
   * Returns the intercept's row of the Hessian, shape (columns + 1), intercept last, which needs no more memory than a
   * gradient. For a column of 0 and 1, its entry equals that of the Hessian's diagonal.
   */
  curvatures(coefficients: Float64Array): Promise<Float64Array>;
  /** Returns the Hessian at a point times a direction, both of shape (columns + 1), without computing the Hessian. */
  hessianTimes(coefficients: Float64Array, direction: Float64Array): Promise<Float64Array>;
  /** Whether every row with label 1 has positive log-odds, and every other row negative ones. */
  separates(coefficients: Float64Array): Promise<boolean>;
  /**
   * Estimates the Hessian of the mean loss over coarser columns from a sample of the rows. Absent if rows are not in memory.
   *
   * @param coefficients Of the columns as they are.
   * @returns Shape (coarse columns + 1, coarse columns + 1), intercept last.
   */
  readonly coarseHessian?:
    | ((coarse: CoarseColumns, coefficients: Float64Array) => Promise<Float64Array>)
    | undefined;
  /** Returns the Hessian over the numeric columns and the intercept, which is last; in place of `coarseHessian`. */
  readonly numericHessian?: ((coefficients: Float64Array) => Promise<Float64Array>) | undefined;
}

const sampleRowsMin = 49_152;

/** Passes the design to every thread. Later jobs refer to its parts. */
export interface AttachJob extends Job {
  readonly kind: "attach";
  readonly design: DesignMatrix;
}

export interface PassJob extends Job {
  readonly kind: "pass";
  readonly parts: readonly number[];
  readonly scope: Scope;
  readonly hessian: boolean;
  /** The number of each row that is added to the sums of its columns. */
  readonly of: "residuals" | "curvatures" | "products";
  readonly coefficients: Float64Array;
  /** For products: the direction by which the Hessian is multiplied, shape (columns + 1), intercept last. */
  readonly direction?: Float64Array;
  /** Shape (1): the next chunk range that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Overwritten, shape (chunk ranges, layout.length). */
  readonly sums: Float64Array<SharedArrayBuffer>;
}

/** Scores several points, each on its own rows. Threads take the next point in turn. */
export interface ScoreJob extends Job {
  readonly kind: "score";
  readonly points: readonly ScoredPoint[];
  /** Shape (1): the next point that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

export interface ScoredPoint {
  /** Shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  readonly parts: readonly number[];
}

/** A design that all threads have: passes over any of its parts need no further copy. */
export interface AttachedDesign {
  passes(parts: readonly number[]): Passes;
  /** Returns the score of each point on its parts' rows, in the order of the points. */
  score(points: readonly ScoredPoint[]): Promise<Score[]>;
}

/** Prepares passes over some parts of a design on all threads. */
export async function createPasses(
  design: DesignMatrix,
  parts: readonly number[],
  threads: Threads,
): Promise<Passes> {
  return (await attachDesign(design, threads)).passes(parts);
}

/** Passes the design to every thread, replacing the one before. */
export async function attachDesign(design: DesignMatrix, threads: Threads): Promise<AttachedDesign> {
  const state = createPassState();
  const attach: AttachJob = { kind: "attach", isState: true, design };
  await threads.run(attach, () => state.attach(attach));
  return {
    passes: (parts) => passesOver(design, parts, threads, state),
    async score(points) {
      const job: ScoreJob = { kind: "score", points, next: sharedInt32(1) };
      const scored = (await threads.run(job, () => state.score(job))).flat();
      return scored.sort((a, b) => a.at - b.at).map(({ score }) => score);
    },
  };
}

function passesOver(
  design: DesignMatrix,
  parts: readonly number[],
  threads: Threads,
  state: PassState,
): Passes {
  const sample = sampleOf(design.chunks, rowsOf(design, parts));
  // Reused by the next pass of the same kind, since V8 does not collect unused SharedArrayBuffers in time.
  let sums: Float64Array<SharedArrayBuffer> | undefined;
  const pass = async (
    { hessian, scope, ...of }: Omit<PassJob, "kind" | "parts" | "next" | "sums">,
  ) => {
    const layout = layoutOf(design, hessian);
    const rangeCount = chunkRangeCount((scope === "all" ? design.chunks : sample).length, layout.length);
    if (sums?.length !== rangeCount * layout.length) sums = sharedFloat64(rangeCount * layout.length);
    const next = sharedInt32(1);
    const job: PassJob = { kind: "pass", parts, scope, hessian, ...of, next, sums };
    await threads.run(job, () => state.pass(job));
    return expandSums(design, layout, totalOf(sums, layout.length));
  };
  const weight = { all: weightOf(design.chunks, parts), sample: weightOf(sample, parts) };
  return {
    design,
    parts,
    weight,
    clickWeight: () => clickWeightOf(loadEach(design.chunks), parts),
    async coarseHessian(coarse, coefficients) {
      const job = coarseJobOf(design, { parts, coarse, coefficients });
      await threads.run(job, () => state.coarse(job));
      return coarseHessianOf(design, job, weight.all);
    },
    evaluate: (coefficients, { hessian, scope = "all" }) =>
      pass({ coefficients, hessian, scope, of: "residuals" }),
    async curvatures(coefficients) {
      return (await pass({ coefficients, hessian: false, scope: "all", of: "curvatures" })).gradient;
    },
    async hessianTimes(coefficients, direction) {
      const job = { coefficients, direction, hessian: false, scope: "all", of: "products" } as const;
      return (await pass(job)).gradient;
    },
    separates(coefficients) {
      let separates = true;
      forLogits(design, parts, coefficients, ({ labels }, from, _to, logits) => {
        for (let i = 0; separates && i < logits.length; i++) {
          separates = labels[from + i] === 1 ? logits[i] > 0 : logits[i] < 0;
        }
      });
      return Promise.resolve(separates);
    },
  };
}

/** The state of one thread: the attached design, over which it does its part of each pass. */
export interface PassState {
  attach(job: AttachJob): void;
  pass(job: PassJob): void;
  coarse(job: CoarseJob): void;
  score(job: ScoreJob): { at: number; score: Score }[];
}

export function createPassState(): PassState {
  let attached: { design: DesignMatrix; kernel: RowKernel; loader: ChunkLoader } | undefined;
  const requireAttached = () => {
    if (!attached) throw new Error("a pass is run before attach");
    return attached;
  };
  return {
    attach({ design }) {
      attached = { design, kernel: createRowKernel(design), loader: createLoader() };
    },
    pass({ parts, scope, hessian, of, coefficients, direction, next, sums }) {
      const { design, kernel, loader } = requireAttached();
      const chunks = scope === "all" ? design.chunks : sampleOf(design.chunks, rowsOf(design, parts));
      const layout = layoutOf(design, hessian);
      const ranges = chunkRangesOf(chunks, layout.length);
      kernel.setPoint(passPoint(design, coefficients));
      if (direction) kernel.setDirection(passPoint(design, direction), layout);
      const add = addOf(kernel, of);
      for (let i = Atomics.add(next, 0, 1); i < ranges.length; i = Atomics.add(next, 0, 1)) {
        kernel.clear(layout);
        for (const stored of ranges[i]) {
          const chunk = loader.load(stored);
          forRowRanges(chunk, parts, (from, to) => add(chunk, from, to));
        }
        sums.set(kernel.sums(), i * layout.length);
      }
    },
    coarse(job) {
      const { design, loader } = requireAttached();
      addCoarse(design, loader, job);
    },
    score({ points, next }) {
      const scored = [];
      for (let at = Atomics.add(next, 0, 1); at < points.length; at = Atomics.add(next, 0, 1)) {
        const { parts, coefficients } = points[at];
        scored.push({ at, score: scoreOf(requireAttached().design, parts, coefficients) });
      }
      return scored;
    },
  };
}

function addOf(kernel: RowKernel, of: PassJob["of"]): RowKernel["add"] {
  return of === "residuals"
    ? kernel.add
    : of === "curvatures"
    ? kernel.addCurvatures
    : kernel.addHessianProducts;
}

/** Returns evenly spaced chunks with about `sampleRowsMin` rows, or a twentieth of all rows if that is more. */
function sampleOf(chunks: DesignMatrix["chunks"], rowCount: number): DesignMatrix["chunks"] {
  const share = Math.max(sampleRowsMin, rowCount / 20) / rowCount;
  const step = Math.floor(1 / share);
  return step <= 1 ? chunks : chunks.filter((_, i) => i % step === 0);
}
