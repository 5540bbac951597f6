import type { Walk } from "../examples/ordered_chunk.ts";
import type { CrossEncoder, Encoder } from "./encoder.ts";
import { combinationCount, combinationsOf, type Factor } from "./factors.ts";
import { Failure } from "../failure.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeights } from "./row_weight.ts";
import { isFrequent } from "./weight_slack.ts";

/** Combinations that a table of all of them is made for. */
const combinationsMax = 2 ** 24;

/**
 * Fits crosses of fields: which of their combinations get a column.
 *
 * @param factors Of the encoder without crosses.
 * @returns The encoder with a column for each combination that is frequent enough, after the fields' own.
 * @throws {Failure} `spec-invalid` where the fields have too many levels together.
 */
export function withCrosses(
  encoder: Encoder,
  { crosses: specs = [], weight }: Pick<FeatureSpec, "crosses" | "weight">,
  factors: readonly Factor[],
  walk: Walk,
): Encoder {
  if (specs.length === 0) return encoder;
  const isWeighted = weight !== undefined;
  const inOrder = specs.map(({ of, minCount }) => ({
    // In the order of the fields, however the spec has them.
    of: encoder.features.flatMap(({ name }) => of.includes(name) ? [name] : []),
    minCount,
  }));
  const own = inOrder.map(({ of }) => factorsNamed(of, factors));
  const counts = own.map((crossed, i) => countCombinations(crossed, inOrder[i].of, walk, isWeighted));
  let { columnCount } = encoder;
  const crosses = inOrder.map(({ of, minCount }, i): CrossEncoder => {
    const keys: number[] = [];
    counts[i].forEach((count, key) => {
      if (isFrequent(count, minCount)) keys.push(key);
    });
    const column = columnCount;
    columnCount += keys.length;
    return { of, keys, column };
  });
  return { ...encoder, columnCount, crosses };
}

/** A cross's factors. @throws {Error} where one has none: the spec was checked for that. */
export function factorsNamed(names: readonly string[], factors: readonly Factor[]): Factor[] {
  return names.map((name) => {
    const factor = factors.find((factor) => factor.name === name);
    if (!factor) throw new Error(`${name} has neither levels nor bins`);
    return factor;
  });
}

/** Training rows of each combination, each counted by its weight. */
function countCombinations(
  factors: readonly Factor[],
  names: readonly string[],
  walk: Walk,
  isWeighted: boolean,
): Uint32Array | Float64Array {
  const size = combinationCount(factors);
  if (size > combinationsMax) {
    throw new Failure(
      "spec-invalid",
      `The cross of ${names.join(" and ")} has ${size} combinations, of at most ${combinationsMax}: ` +
        'give a field with many levels a higher "minCount", or a "hash".',
    );
  }
  if (isWeighted) return weighCombinations(factors, size, walk);
  const counts = new Uint32Array(size);
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    for (let i = 0; i < chunk.partEnds[trainPart]; i++) counts[combinations[i]]++;
  }
  return counts;
}

function weighCombinations(factors: readonly Factor[], size: number, walk: Walk): Float64Array {
  const sums = new Float64Array(size);
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    trainWeights(chunk).forEach((weight, i) => sums[combinations[i]] += weight);
  }
  return sums;
}
