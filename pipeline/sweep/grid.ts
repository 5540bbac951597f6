import { exp, log } from "../math/elementary.ts";
import { createRandom } from "../math/random.ts";

export const penaltyNames = ["l2", "l1", "elasticnet", "none"] as const;
export type PenaltyName = typeof penaltyNames[number];

/** One setting of the hyper-parameters that a sweep tries. */
export interface Candidate {
  readonly penalty: PenaltyName;
  /** Inverse strength, as in scikit-learn; absent without a penalty. */
  readonly C?: number;
  /** Share of l1 in an elastic net. */
  readonly l1Ratio?: number;
}

/** Candidates with similar solutions, from the strongest penalty to the weakest. */
export type Path = readonly Candidate[];

export interface SearchSpace {
  readonly penalties: readonly PenaltyName[];
  /** Inverse strengths of a grid. */
  readonly strengths: readonly number[];
  /** Shares of l1 in an elastic net. */
  readonly l1Ratios: readonly number[];
}

/** Returns every combination: a path per penalty and share of l1. No penalty is the weak end of the l2 path. */
export function gridOf({ penalties, strengths, l1Ratios }: SearchSpace): Path[] {
  const ascending = uniqueAscending(strengths);
  const paths = penaltyNames.filter((penalty) => penalties.includes(penalty) && penalty !== "none").flatMap(
    (penalty): Path[] =>
      penalty === "elasticnet"
        ? uniqueAscending(l1Ratios).map((l1Ratio) => ascending.map((C) => ({ penalty, C, l1Ratio })))
        : [ascending.map((C) => ({ penalty, C }))],
  );
  return penalties.includes("none") ? withoutPenalty(paths) : paths;
}

/**
 * Draws candidates at random: the penalty uniformly from `penalties`, the strength log-uniformly, the share of l1 uniformly
 * from `l1Ratios` or, if that is empty, from 0 to 1.
 *
 * @param range Smallest and largest inverse strength.
 * @see Bergstra & Bengio, Random Search for Hyper-Parameter Optimization (2012).
 */
export function drawCandidates(
  { penalties, l1Ratios }: Omit<SearchSpace, "strengths">,
  options: { count: number; range: readonly [number, number]; seed: number },
): Path[] {
  const random = createRandom(options.seed);
  const [low, high] = options.range.map(log);
  const drawn = Array.from({ length: options.count }, (): Candidate => {
    // All numbers are drawn even if unused, so that a candidate's penalty does not change the next candidates.
    const penalty = penalties[random.below(penalties.length)];
    const C = rounded(exp(low + (high - low) * random.uniform()));
    const share = random.uniform();
    const l1Ratio = l1Ratios.length > 0
      ? l1Ratios[Math.floor(share * l1Ratios.length)]
      : Math.round(share * 1e4) / 1e4;
    return penalty === "none"
      ? { penalty }
      : penalty === "elasticnet"
      ? { penalty, C, l1Ratio }
      : { penalty, C };
  });
  const unique = [...new Map(drawn.map((candidate) => [JSON.stringify(candidate), candidate])).values()];
  const paths = penaltyNames.filter((penalty) => penalty !== "none").map((penalty) =>
    unique.filter((candidate) => candidate.penalty === penalty).sort((a, b) => (a.C ?? 0) - (b.C ?? 0))
  ).filter((path) => path.length > 0);
  return unique.some(({ penalty }) => penalty === "none") ? withoutPenalty(paths) : paths;
}

/** Returns logarithmically spaced strengths, including both ends. */
export function spacedStrengths([low, high]: readonly [number, number], count: number): number[] {
  if (count === 1) return [rounded(Math.sqrt(low * high))];
  const [from, to] = [log(low), log(high)];
  return Array.from({ length: count }, (_, i) => rounded(exp(from + ((to - from) * i) / (count - 1))));
}

/** Rounds to five digits, so that the strength can be typed and is the same on every machine. */
function rounded(strength: number): number {
  return Number(strength.toPrecision(5));
}

function uniqueAscending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function withoutPenalty(paths: readonly Path[]): Path[] {
  const none: Candidate = { penalty: "none" };
  const l2 = paths.findIndex((path) => path[0].penalty === "l2");
  return l2 < 0 ? [...paths, [none]] : paths.map((path, i) => i === l2 ? [...path, none] : path);
}
