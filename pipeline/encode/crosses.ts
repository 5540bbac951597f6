import type { Walk } from "../examples/ordered_chunk.ts";
import type { CrossEncoder, Encoder } from "./encoder.ts";
import { combinationCount, combinationsOf, type Factor } from "./factors.ts";
import { Failure } from "../failure.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeights } from "./row_weight.ts";
import { isFrequent } from "./weight_slack.ts";

/** Combinations for which counters are allocated, at most. */
const combinationsMax = 2 ** 24;
/** Combinations of all crosses together, at most. */
const combinationsInAllMax = 2 ** 30;

/**
 * Fits crosses: adds a column for each combination of fields that is frequent enough, after the columns of the fields.
 *
 * @param factors Factors of `encoder`, which has no crosses.
 * @throws {Failure} `spec-invalid` if the fields of a cross have too many combinations.
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
    // In the order of the fields, not in that of the cross.
    of: encoder.features.flatMap(({ name }) => of.includes(name) ? [name] : []),
    minCount,
  }));
  const own = inOrder.map(({ of }) => factorsNamed(of, factors));
  requireFitting(own);
  let { columnCount } = encoder;
  const crosses = inOrder.map(({ of, minCount }, i): CrossEncoder => {
    const keys: number[] = [];
    // The counters of one cross at a time.
    countCombinations(own[i], of, walk, isWeighted).forEach((count, key) => {
      if (isFrequent(count, minCount)) keys.push(key);
    });
    const column = columnCount;
    columnCount += keys.length;
    return { of, keys, column };
  });
  return { ...encoder, columnCount, crosses };
}

/** @throws {Failure} `spec-invalid` if the lookup tables of all crosses together would take gigabytes. */
function requireFitting(crosses: readonly (readonly Factor[])[]): void {
  const total = crosses.reduce((sum, factors) => sum + combinationCount(factors), 0);
  if (crosses.length <= 1 || total <= combinationsInAllMax) return;
  throw new Failure(
    "spec-invalid",
    `The ${crosses.length} crosses have ${total} combinations, of at most ${combinationsInAllMax} in all: ` +
      'take out some, or give fields with many levels a higher "minCount", or a "hash".',
  );
}

/** Returns the factors with the given names. @throws {Error} if one does not exist, which `parseSpec` excludes. */
export function factorsNamed(names: readonly string[], factors: readonly Factor[]): Factor[] {
  return names.map((name) => {
    const factor = factors.find((factor) => factor.name === name);
    if (!factor) throw new Error(`${name} has neither levels nor bins`);
    return factor;
  });
}

/** Counts the training rows of each combination, each by its weight. */
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
  if (isWeighted) return sumCombinationWeights(factors, size, walk);
  const counts = new Uint32Array(size);
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    for (let i = 0; i < chunk.partEnds[trainPart]; i++) counts[combinations[i]]++;
  }
  return counts;
}

function sumCombinationWeights(factors: readonly Factor[], size: number, walk: Walk): Float64Array {
  const sums = new Float64Array(size);
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    trainWeights(chunk).forEach((weight, i) => sums[combinations[i]] += weight);
  }
  return sums;
}
