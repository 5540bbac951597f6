import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import { runToEnd, runYielding } from "../runtime/steps.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { type LabelledRows, leaksAmong, type LeaksJob } from "./leak_search.ts";
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
  return judged(rows ? runToEnd(leaksAmong(rows)) : []);
}

/**
 * Searches for leaks while other work goes on.
 *
 * @param threads The calling thread and another one, which searches between its other jobs; without them, the calling thread does.
 * @throws the reason of an aborted signal.
 */
export async function judgedMeanwhile(
  { rows, judged }: UnjudgedProposal,
  { signal, threads }: { readonly signal: AbortSignal; readonly threads?: Threads | undefined },
): Promise<Proposal> {
  if (!rows) return judged([]);
  if (!threads) return judged(await runYielding(leaksAmong(rows), () => signal.throwIfAborted()));
  const job: LeaksJob = { kind: "leaks", rows };
  const [, warnings] = await threads.run<readonly LeakWarning[]>(job, () => []);
  return judged(warnings);
}
