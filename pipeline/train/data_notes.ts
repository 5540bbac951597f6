import { loadEach } from "../chunks/chunk_loader.ts";
import { plainFields } from "../chunks/stored_chunk.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";

/** Fewer rows than this say nothing about how many levels a category has. */
const rowsMin = 20;
/** Levels per row from which on a category is hardly more than the row's name. */
const levelShare = 0.8;

/** Whether all rows are of one group: then all of them are held out, or none. */
export function areOneGroup({ chunks, rowCount }: RawExamples): boolean {
  if (rowCount < 2) return false;
  let first: number | undefined;
  for (const { groups } of loadEach(chunks.filter((chunk) => plainFields(chunk).rowCount > 0))) {
    first ??= groups[0];
    // Ends at the second group, which mostly is that of the second row.
    for (let i = 0; i < groups.length; i++) if (groups[i] !== first) return false;
  }
  return true;
}

/** What a reader should know about the groups and the categories of the examples, in words. */
export function dataNotes(
  { rowCount, levels }: RawExamples,
  { group, features }: FeatureSpec,
  { isOneGroup, testShare }: { isOneGroup: boolean; testShare: number },
): string[] {
  const notes: string[] = [];
  if (isOneGroup && testShare > 0) {
    notes.push(
      `all ${rowCount} rows are in one group (${group}): none of them can be held out. Name another group in the feature spec.`,
    );
  }
  if (features.some(({ name }) => name === group)) {
    notes.push(
      `${group} is the group and a feature: held-out rows are of groups that the model has not seen, so that the metrics ` +
        "do not show what it is worth for known ones.",
    );
  }
  const categories = features.filter(({ type }) => type === "categorical");
  for (const [field, { name }] of categories.entries()) {
    const count = (levels[field] ?? []).filter((level) => level !== null).length;
    if (rowCount < rowsMin || count < levelShare * rowCount) continue;
    notes.push(
      `${name} has ${count} levels on ${rowCount} rows, nearly one for each, as an id has: what is learnt of a level hardly ` +
        "helps for another row. Take it out of the features, or give it minCount.",
    );
  }
  return notes;
}
