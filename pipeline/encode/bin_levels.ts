import type { Walk } from "../examples/ordered_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import { trainPart } from "../examples/split.ts";
import type { PooledLevels } from "./summarise.ts";
import { isFrequent } from "./weight_slack.ts";

/** A tree splits off no level of fewer rows, so that a bin for it alone would be of no use. */
export const levelRowsMin = 10;

/**
 * Returns the levels of a categorical field that get a bin, in ascending order of code units.
 *
 * @param field Index of its column among those of categories.
 * @returns Also whether missing values have enough rows for one, and the levels that do not.
 */
export function levelsWithRows(
  { walk, levels, isWeighted }: { walk: Walk; levels: RawExamples["levels"]; isWeighted: boolean },
  field: number,
  { name, minCount }: { name: string; minCount: number },
): { levels: string[]; missingRows: boolean; pooled: PooledLevels[] } {
  const own = levels[field];
  const rows = new Float64Array(own.length);
  const weights = isWeighted ? new Float64Array(own.length) : rows;
  for (const { codes, partEnds, weights: ofRows } of walk()) {
    const column = codes[field];
    for (let i = 0; i < partEnds[trainPart]; i++) {
      rows[column[i]]++;
      if (isWeighted) weights[column[i]] += ofRows?.[i] ?? 1;
    }
  }
  const isKept = (code: number) =>
    Math.max(rows[code], weights[code]) >= levelRowsMin && isFrequent(weights[code], minCount);
  const known: string[] = [];
  const rare: string[] = [];
  let [rareRows, rareWeight] = [0, 0];
  own.forEach((level, code) => {
    if (level === null || rows[code] === 0) return;
    if (isKept(code)) known.push(level);
    else {
      rare.push(level);
      rareRows += rows[code];
      rareWeight += weights[code];
    }
  });
  const missing = own.indexOf(null);
  return {
    levels: known,
    missingRows: missing >= 0 && isKept(missing),
    pooled: rare.length === 0
      ? []
      : [{ field: name, levels: rare, rows: rareRows, weight: rareWeight, reason: "rare" }],
  };
}
