import { usageInvalid } from "../pipeline/failure.ts";
import {
  drawCandidates,
  gridOf,
  type Path,
  type PenaltyName,
  penaltyNames,
  spacedStrengths,
} from "../pipeline/sweep/grid.ts";
import { defaultHyperParameters } from "../pipeline/train/hyper_parameters.ts";

/** The flags of a sweep that define its candidates, unparsed. */
export interface SearchFlags {
  readonly penalty: readonly string[];
  readonly C: readonly string[];
  readonly "C-range": string;
  readonly strengths: number;
  readonly "l1-ratio": readonly string[];
  readonly random: number | undefined;
  readonly seed: number;
}

export const candidatesMax = 10_000;
const strengthBounds = [1e-9, 1e12] as const;

/**
 * Returns the candidates that the flags define.
 *
 * @throws {Failure} `usage-invalid` for an unknown penalty, a number out of range, or flags that exclude each other.
 */
export function candidatesOf(flags: SearchFlags): Path[] {
  const penalties = wordsOf(flags.penalty, ["l2"]).map(penaltyOf);
  const l1Ratios = wordsOf(flags["l1-ratio"], []).map((word) => numberOf(word, "l1-ratio", [0, 1]));
  const strengths = wordsOf(flags.C, []).map((word) => numberOf(word, "C", strengthBounds));
  const range = rangeOf(flags["C-range"]);
  if (flags.random !== undefined) {
    if (strengths.length > 0) {
      throw usageInvalid("--random draws strengths from --C-range: leave out --C, or --random.");
    }
    return drawCandidates({ penalties, l1Ratios }, { count: flags.random, range, seed: flags.seed });
  }
  const paths = gridOf({
    penalties,
    strengths: strengths.length > 0 ? strengths : spacedStrengths(range, flags.strengths),
    l1Ratios: l1Ratios.length > 0 ? l1Ratios : [defaultHyperParameters.l1Ratio],
  });
  const count = paths.flat().length;
  if (count <= candidatesMax) return paths;
  throw usageInvalid(`The grid has ${count} candidates, expected at most ${candidatesMax}: use --random.`);
}

/** Returns the words of a list, separated by commas, spaces or both. */
function wordsOf(list: readonly string[], preset: readonly string[]): readonly string[] {
  const words = list.flatMap((text) => text.split(",")).map((word) => word.trim()).filter(Boolean);
  return words.length > 0 ? words : preset;
}

function penaltyOf(word: string): PenaltyName {
  const name = penaltyNames.find((name) => name === word);
  if (name) return name;
  throw usageInvalid(`--penalty has "${word}", expected some of ${penaltyNames.join(", ")}`);
}

function numberOf(word: string, flag: string, [min, max]: readonly [number, number]): number {
  const value = word.trim() === "" ? NaN : Number(word);
  if (value >= min && value <= max) return value;
  throw usageInvalid(`--${flag} has "${word}", expected numbers from ${min} to ${max}`);
}

function rangeOf(text: string): readonly [number, number] {
  const ends = text.split(":");
  if (ends.length === 2) {
    const [from, to] = ends.map((word) => numberOf(word, "C-range", strengthBounds));
    if (from <= to) return [from, to];
  }
  throw usageInvalid(`--C-range is "${text}", expected FROM:TO with FROM at most TO, as in 1e-4:1e4`);
}
