import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import { runToEnd, runYielding } from "../runtime/steps.ts";
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
  return judged(rows ? runToEnd(leaksAmong(rows)) : []);
}

/** Searches for leaks while another thread works, whose messages are received between the steps. @throws the reason of an aborted signal. */
export async function judgedMeanwhile(
  { rows, judged }: UnjudgedProposal,
  signal: AbortSignal,
): Promise<Proposal> {
  return judged(rows ? await runYielding(leaksAmong(rows), () => signal?.throwIfAborted()) : []);
}
