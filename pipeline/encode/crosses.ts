import type { Walk } from "../examples/ordered_chunk.ts";
import { type CombinedField, nameOf } from "../examples/feature_types.ts";
import type { CombinedFields, CrossEncoder, Encoder, FeatureEncoder } from "./encoder.ts";
import { divisionsOf } from "./divisions.ts";
import { combinationCount, type Factor } from "./factors.ts";
import { combinationsOf } from "./positions.ts";
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
    fields: combinedFields(of, encoder.features),
    minCount,
  }));
  const own = inOrder.map(({ fields }) => factorsOfFields(fields, factors));
  requireFitting(own);
  let { columnCount } = encoder;
  const crosses = inOrder.map(({ fields, minCount }, i): CrossEncoder => {
    const keys: number[] = [];
    // The counters of one cross at a time.
    countCombinations(own[i], fields.of, walk, isWeighted).forEach((count, key) => {
      if (isFrequent(count, minCount)) keys.push(key);
    });
    const column = columnCount;
    columnCount += keys.length;
    return { ...fields, keys, column };
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

/** Returns the fields of a cross or a rate in the order of the features, not in that of the spec. */
export function combinedFields(
  of: readonly CombinedField[],
  features: readonly FeatureEncoder[],
): CombinedFields {
  const found = features.flatMap((feature) =>
    of.filter((field) => nameOf(field) === feature.name).map((field) => ({
      name: feature.name,
      division: divisionNamed(field, feature),
    }))
  );
  return {
    of: found.map(({ name }) => name),
    ...(found.some(({ division }) => division > 0)
      ? { divisions: found.map(({ division }) => division) }
      : {}),
  };
}

/** Returns the index of the division that a cross names: the first one by default. */
function divisionNamed(field: CombinedField, feature: FeatureEncoder): number {
  if (typeof field === "string" || feature.type !== "numeric") return 0;
  const divisions = divisionsOf(feature);
  return "values" in field
    ? divisions.length - 1
    : Math.max(0, divisions.findIndex((own) => own.kind === "bins" && own.bins === field.bins));
}

/** Returns the factors of combined fields. @throws {Error} if one does not exist, which `parseSpec` excludes. */
export function factorsOfFields(
  { of, divisions = [] }: CombinedFields,
  factors: readonly Factor[],
): Factor[] {
  return of.map((name, i) => {
    const wanted = divisions[i] ?? 0;
    const factor = factors.find(({ name: own, division = 0 }) => own === name && division === wanted);
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
