import type { Walk } from "./cells.ts";
import type { CrossEncoder, Encoder } from "./encoder.ts";
import { combinationCount, combinationsOf, type Factor } from "./factors.ts";
import { Failure } from "../failure.ts";
import type { CrossSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";

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
  specs: readonly CrossSpec[],
  factors: readonly Factor[],
  walk: Walk,
): Encoder {
  if (specs.length === 0) return encoder;
  const inOrder = specs.map(({ of, minCount }) => ({
    // In the order of the fields, however the spec has them.
    of: encoder.features.flatMap(({ name }) => of.includes(name) ? [name] : []),
    minCount,
  }));
  const own = inOrder.map(({ of }) => factorsNamed(of, factors));
  const counts = own.map((crossed, i) => countCombinations(crossed, inOrder[i].of, walk));
  let { columnCount } = encoder;
  const crosses = inOrder.map(({ of, minCount }, i): CrossEncoder => {
    const keys: number[] = [];
    counts[i].forEach((count, key) => {
      if (count >= minCount) keys.push(key);
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

/** Training rows of each combination. */
function countCombinations(factors: readonly Factor[], names: readonly string[], walk: Walk): Uint32Array {
  const size = combinationCount(factors);
  if (size > combinationsMax) {
    throw new Failure(
      "spec-invalid",
      `The cross of ${names.join(" and ")} has ${size} combinations, of at most ${combinationsMax}: ` +
        'give a field with many levels a higher "minCount", or a "hash".',
    );
  }
  const counts = new Uint32Array(size);
  for (const chunk of walk()) {
    const combinations = combinationsOf(factors, chunk);
    for (let i = 0; i < chunk.partEnds[trainPart]; i++) counts[combinations[i]]++;
  }
  return counts;
}
