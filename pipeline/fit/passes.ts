import { type ChunkLoader, createLoader, loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { weightOf } from "../encode/row_weight.ts";
import { expandSums, type LossSums, passPoint } from "./objective.ts";
import { createRowKernel, type RowKernel } from "./row_kernel.ts";
import { layoutOf } from "./sums_layout.ts";
import { type Score, scoreOf } from "./holdout_score.ts";
import { sharedFloat64, sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";

/** Which rows a pass goes over: all of the wanted parts', or those of a few chunks for a first approximation. */
export type Scope = "all" | "sample";

/** Passes over the data of one design, for the solvers. Sums over rows, without penalty. */
export interface Passes {
  readonly design: DesignMatrix;
  /** The parts whose rows count. */
  readonly parts: readonly number[];
  /** Weight of the parts' rows (their count, where each counts once), and of those that the sample takes. */
  readonly weight: Readonly<Record<Scope, number>>;
  /** All chunks, one after the other: each holds until the next one is taken. */
  chunks(): Iterable<DesignChunk>;
  /** @param coefficients Shape (columns + 1), intercept last. */
  evaluate(coefficients: Float64Array, want: { hessian: boolean; scope?: Scope }): Promise<LossSums>;
  /**
   * The intercept's row of the Hessian, for which a pass needs no more room than for a gradient: of a column that is 0 or 1,
   * its entry is that of the Hessian's diagonal.
   *
   * @returns Shape (columns + 1), intercept last.
   */
  curvatures(coefficients: Float64Array): Promise<Float64Array>;
}

/** Sums are kept apart for some runs of chunks and then added in order: the same sum for any number of threads. */
const spanCountMax = 16;
const spanCountMin = 4;
/** Numbers in all spans' sums: beyond it, clearing and adding them would cost more than threads gain. */
const spanSumsMax = 2 ** 19;
const sampleRowsMin = 49_152;

/** Gives every thread the design. Jobs that follow name parts of it. */
export interface AttachJob extends Job {
  readonly kind: "attach";
  readonly design: DesignMatrix;
}

export interface PassJob extends Job {
  readonly kind: "pass";
  readonly parts: readonly number[];
  readonly scope: Scope;
  readonly hessian: boolean;
  /** What of each row is summed over its columns. */
  readonly of: "residuals" | "curvatures";
  readonly coefficients: Float64Array;
  /** Shape (1): the next span that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Overwritten, shape (spans, layout.length). */
  readonly sums: Float64Array<SharedArrayBuffer>;
}

/** Scores several points on rows of their own: each thread takes the next. */
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

/** A design that every thread has: passes over any of its parts need no further copy. */
export interface AttachedDesign {
  passes(parts: readonly number[]): Passes;
  /** Scores each point on its parts' rows; the scores come in the order of the points. */
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

/** Gives every thread the design, in place of the one it had. */
export async function attachDesign(design: DesignMatrix, threads: Threads): Promise<AttachedDesign> {
  const state = createPassState();
  const attach: AttachJob = { kind: "attach", design };
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
  // Used again by the next pass of the same kind: the engine would not look for its garbage.
  let sums: Float64Array<SharedArrayBuffer> | undefined;
  const pass = async (
    { hessian, scope, of, coefficients }: Omit<PassJob, "kind" | "parts" | "next" | "sums">,
  ) => {
    const layout = layoutOf(design, hessian);
    const spans = spanCountOf((scope === "all" ? design.chunks : sample).length, layout.length);
    if (sums?.length !== spans * layout.length) sums = sharedFloat64(spans * layout.length);
    const job: PassJob = {
      kind: "pass",
      parts,
      scope,
      hessian,
      of,
      coefficients,
      next: sharedInt32(1),
      sums,
    };
    await threads.run(job, () => state.pass(job));
    const total = new Float64Array(layout.length);
    for (let span = 0, k = 0; span < spans; span++) {
      for (let i = 0; i < total.length; i++, k++) total[i] += sums[k];
    }
    return expandSums(design, layout, total);
  };
  return {
    design,
    parts,
    weight: { all: weightOf(design.chunks, parts), sample: weightOf(sample, parts) },
    chunks: () => loadEach(design.chunks),
    evaluate: (coefficients, { hessian, scope = "all" }) =>
      pass({ coefficients, hessian, scope, of: "residuals" }),
    async curvatures(coefficients) {
      return (await pass({ coefficients, hessian: false, scope: "all", of: "curvatures" })).gradient;
    },
  };
}

/** One thread's side: the design it was given, and its part of each pass over it. */
export interface PassState {
  attach(job: AttachJob): void;
  pass(job: PassJob): void;
  score(job: ScoreJob): { at: number; score: Score }[];
}

export function createPassState(): PassState {
  let attached: { design: DesignMatrix; kernel: RowKernel; loader: ChunkLoader } | undefined;
  const given = () => {
    if (!attached) throw new Error("a pass before its design");
    return attached;
  };
  return {
    attach({ design }) {
      attached = { design, kernel: createRowKernel(design), loader: createLoader() };
    },
    pass({ parts, scope, hessian, of, coefficients, next, sums }) {
      const { design, kernel, loader } = given();
      const chunks = scope === "all" ? design.chunks : sampleOf(design.chunks, rowsOf(design, parts));
      const layout = layoutOf(design, hessian);
      const spans = spansOf(chunks, layout.length);
      kernel.setPoint(passPoint(design, coefficients));
      for (let i = Atomics.add(next, 0, 1); i < spans.length; i = Atomics.add(next, 0, 1)) {
        kernel.clear(layout);
        for (const stored of spans[i]) {
          const chunk = loader.load(stored);
          const add = of === "residuals" ? kernel.add : kernel.addCurvatures;
          forRowRanges(chunk, parts, (from, to) => add(chunk, from, to));
        }
        sums.set(kernel.sums(), i * layout.length);
      }
    },
    score({ points, next }) {
      const scored = [];
      for (let at = Atomics.add(next, 0, 1); at < points.length; at = Atomics.add(next, 0, 1)) {
        scored.push({ at, score: scoreOf(given().design, points[at].parts, points[at].coefficients) });
      }
      return scored;
    },
  };
}

function spanCountOf(chunkCount: number, sumsLength: number): number {
  const wanted = Math.max(spanCountMin, Math.min(spanCountMax, Math.floor(spanSumsMax / sumsLength)));
  return Math.min(wanted, chunkCount);
}

/** Runs of consecutive chunks, about equal in number: where they end depends on the data alone. */
function spansOf(
  chunks: DesignMatrix["chunks"],
  sumsLength: number,
): DesignMatrix["chunks"][] {
  const count = spanCountOf(chunks.length, sumsLength);
  return Array.from(
    { length: count },
    (_, i) =>
      chunks.slice(Math.floor((i * chunks.length) / count), Math.floor(((i + 1) * chunks.length) / count)),
  );
}

/** Chunks at even distances with about `sampleRowsMin` rows, or a twentieth of all where that is more. */
function sampleOf(chunks: DesignMatrix["chunks"], rowCount: number): DesignMatrix["chunks"] {
  const share = Math.max(sampleRowsMin, rowCount / 20) / rowCount;
  const step = Math.floor(1 / share);
  return step <= 1 ? chunks : chunks.filter((_, i) => i % step === 0);
}
