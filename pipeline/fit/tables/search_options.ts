import type { Threads } from "../../runtime/thread_pool.ts";
import type { KeptRuns } from "./boost_rows.ts";
import type { Stage, Steps } from "./found_model.ts";

/** What a search is doing. */
export interface SearchEvent extends Pick<Stage, "mode" | "leaves" | "pairCount"> {
  readonly stage: Stage["name"] | "held-out" | "final" | "resamples";
  /** Trees grown in this stage so far, over all folds or seeds. */
  readonly trees: number;
  /** Trees of the whole stage, if that is known. */
  readonly treesTotal?: number;
}

export interface SearchOptions {
  readonly seed: number;
  readonly threads: Threads;
  /** Called after each stage; true ends the search, and the best trees so far are used. */
  readonly stopAt?: ((stage: Stage) => boolean) | undefined;
  /** Repeats what a search has chosen. */
  readonly steps?: Steps | undefined;
  readonly observe?: ((event: SearchEvent) => void) | undefined;
  /** Runs that an interrupted search has done, to which those of this one are added. */
  readonly kept?: KeptRuns | undefined;
  /** Called often; throws to end the search. */
  readonly checkpoint?: (() => void) | undefined;
}

export type SearchContext = Omit<SearchOptions, "steps">;
