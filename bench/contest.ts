import type { Bench } from "./bench.ts";
import { ChildFailed } from "./child.ts";
import type { Measured, Sample } from "./measure.ts";
import { quantity, small } from "./notation.ts";
import type { Check } from "./result.ts";

/** The cost and quality of one fit. */
export interface Fit {
  readonly sample: Sample;
  /** Computes the loss that all sides must reach: the objective, or the loss on held-out rows. Not measured. */
  loss(): Promise<number>;
  /** Further information for readers, such as the number of iterations. */
  readonly remark: string;
}

/** A side with adjustable effort. */
export interface Entrant {
  readonly name: string;
  /** Name of the setting in the report: "tolerance", "passes". */
  readonly setting: string;
  /** The least effort first. */
  readonly settings: readonly number[];
  /** @throws {ChildFailed} if it does not converge, or not in time. */
  fit(setting: number): Promise<Fit>;
}

export interface ContestRules {
  /** The loss that all sides must reach. */
  readonly loss: number;
  /** Relative difference above it that still counts as equal. */
  readonly lossTolerance: number;
  readonly rounds: number;
}

export interface ContestResult {
  /** Those that reached the loss, in the order of the entrants, ours first. */
  readonly measured: readonly Measured[];
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
}

/**
 * Measures the entrants in alternating runs, each at the least effort that brings it to the same loss: none works for more than
 * the others reach.
 *
 * @param entrants Ours first.
 * @throws {Error} if ours does not reach the loss; a peer that does not is left out, with a note.
 */
export async function holdContest(
  bench: Bench,
  entrants: readonly Entrant[],
  rules: ContestRules,
): Promise<ContestResult> {
  const contestants: Contestant[] = [];
  const notes: string[] = [];
  for (const entrant of entrants) {
    const tries = await tryEfforts(bench, entrant, rules);
    const found = tries.find(({ excess }) => excess <= rules.lossTolerance);
    if (found) contestants.push(found);
    else if (contestants.length === 0) throw new Error(`${entrant.name} does not reach its own loss.`);
    else notes.push(outclassed(entrant, tries));
  }
  const sides = contestants.map(({ entrant, setting }) => ({
    name: entrant.name,
    run: async () => (await entrant.fit(setting)).sample,
  }));
  const measured = await bench.turns(sides, { rounds: rules.rounds });
  const best = Math.min(...contestants.map(({ loss }) => loss));
  const checks = contestants.map(({ entrant, setting, fit, loss }) => {
    const excess = (loss - best) / best;
    const effort = `${entrant.setting} ${setting}, ${fit.remark}`;
    return {
      what: `${entrant.name} (${effort}): ${loss.toPrecision(13)}, ${small(excess)} above the best`,
      holds: excess <= rules.lossTolerance,
    };
  });
  return { measured, checks, notes };
}

/** An entrant at one setting. */
interface Contestant {
  readonly entrant: Entrant;
  readonly setting: number;
  readonly fit: Fit;
  readonly loss: number;
  /** Relative difference of the loss above the one to reach. */
  readonly excess: number;
}

/** Tries the settings up to the first that does, or to the last. */
async function tryEfforts(bench: Bench, entrant: Entrant, rules: ContestRules): Promise<Contestant[]> {
  const tries: Contestant[] = [];
  for (const setting of entrant.settings) {
    const effort = `${entrant.name}, ${entrant.setting} ${setting}`;
    try {
      const fit = await entrant.fit(setting);
      const loss = await fit.loss();
      const excess = (loss - rules.loss) / rules.loss;
      tries.push({ entrant, setting, fit, loss, excess });
      bench.say(`${effort}: ${small(excess)} above the loss to reach`);
      if (excess <= rules.lossTolerance) break;
    } catch (error) {
      if (!(error instanceof ChildFailed)) throw error;
      // More effort would not improve it.
      bench.say(`${effort}: ${error.message.split("\n").at(-1)}`);
      break;
    }
  }
  return tries;
}

/** Describes why an entrant cannot take part. */
function outclassed({ name, setting }: Entrant, tries: readonly Contestant[]): string {
  const [nearest] = [...tries].sort((a, b) => a.excess - b.excess);
  if (!nearest) return `${name} does not reach the loss in time.`;
  const { excess, setting: value, fit } = nearest;
  const seconds = quantity(fit.sample.seconds, "seconds");
  const effort = `by ${setting} ${value} in ${seconds}`;
  return `${name} does not reach the loss: at best ${small(excess)} above it, ${effort}.`;
}
