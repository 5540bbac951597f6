import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { type LabelledRows, leaksAmong } from "./leak_search.ts";
import type { Proposal } from "./proposal.ts";

/** A proposal before the search for leaks, which takes about as long as all that comes before it. */
export interface UnjudgedProposal {
  /** Rows to search in; absent for a label of two counts. */
  readonly rows: LabelledRows | undefined;
  /** Returns the proposal without the features that surely leak. Tables, view and label do not depend on the warnings. */
  judged(warnings: readonly LeakWarning[]): Proposal;
}

/** Searches for leaks at once. */
export function judgedHere({ rows, judged }: UnjudgedProposal): Proposal {
  return judged(rows ? leaksAmong(rows) : []);
}

/** Searches rows for leaks in another thread. */
export interface LeaksJob extends Job {
  readonly kind: "leaks";
  readonly rows: LabelledRows;
}

/**
 * Starts the search for leaks in the other thread of the look, while the caller loads the tables.
 *
 * @param threads Closed after it.
 */
export function judgedAside({ rows, judged }: UnjudgedProposal, threads: Threads): Promise<Proposal> {
  const search = async () => {
    if (!rows) return judged([]);
    const job: LeaksJob = { kind: "leaks", rows };
    const [, warnings] = await threads.run<readonly LeakWarning[]>(job, () => []);
    return judged(warnings);
  };
  const proposal = search().finally(threads.close);
  // Awaited only by those who get that far.
  proposal.catch(() => {});
  return proposal;
}
