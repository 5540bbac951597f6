import { inputColumnsOf } from "../examples/input_columns.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import { loadEach } from "../chunks/chunk_store.ts";
import { leaksIn } from "../examples/leaks/find_leaks.ts";
import type { LeakColumn, LeakRows, LeakValues } from "../examples/leaks/leak_rows.ts";
import { sampleLeaks } from "../examples/leaks/leak_sample.ts";
import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import { strideOf } from "../examples/ordered_chunk.ts";
import type { RawChunk, RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { type Partition, testPart } from "../examples/split.ts";

/**
 * Takes a sample of the examples, in which leaks are looked for.
 *
 * @param isKnownGroup Whether held-out rows may be of groups that have training rows: the group as a feature is then no leak.
 * @returns Looks for them. It counts a few levels in all rows, which may be in another order by then.
 */
export function leaksOfExamples(
  { chunks, levels, rowCount }: RawExamples,
  { features, group }: FeatureSpec,
  { partOf }: Partition,
  isKnownGroup: boolean,
): (walk: () => Iterable<RawChunk>) => LeakWarning[] {
  const categories = inputColumnsOf(features).filter(({ kind }) => kind === "category");
  const numbers = inputColumnsOf(features).filter(({ kind }) => kind === "number");
  const isTime = (name: string) =>
    features.some((feature) => feature.name === name && feature.type === "time");
  const columns: LeakColumn[] = [
    ...numbers.map(({ name }) => ({ name, kind: isTime(name) ? "time" as const : "number" as const })),
    ...categories.map(({ name }, field) => ({ name, kind: "category" as const, levels: levels[field] })),
  ];
  const filled = chunks.filter((chunk) => plainFields(chunk).rowCount > 0);
  let walk: () => Iterable<RawChunk> = () => loadEach(filled);
  const sample = sampleLeaks({
    columns,
    rowCount,
    *walk() {
      for (const chunk of walk()) {
        const { groups, labels, times } = chunk;
        const isHeldOut = (row: number) => partOf(groups[row], labels[row], row, times?.[row]) === testPart;
        yield { ...rowsOf(chunk), isHeldOut };
      }
    },
  });
  return (later) => {
    walk = later;
    const found = leaksIn(sample).map(({ isWeak: _, ...warning }) => warning);
    return judged(found, { features, group }, isKnownGroup);
  };
}

/** Leaves out warnings that do not fit how the features are encoded and the rows are split. */
function judged(
  found: readonly LeakWarning[],
  { features, group }: Pick<FeatureSpec, "features" | "group">,
  isKnownGroup: boolean,
): LeakWarning[] {
  // A text is seldom that of another row, but its words are; rare levels share a column if they have a minCount.
  const texts = new Set(
    features.flatMap((feature) =>
      feature.type === "words" || (feature.type === "categorical" && feature.minCount > 1)
        ? [feature.name]
        : []
    ),
  );
  const left = found.filter(({ kind, columns }) =>
    !(kind === "level-per-row" || kind === "group-feature") || columns.some((name) => !texts.has(name))
  );
  if (isKnownGroup) return left.filter(({ kind }) => kind !== "group-feature");
  if (!features.some(({ name }) => name === group)) return left;
  return [groupAsFeature(group), ...left.filter(({ columns }) => !columns.includes(group))];
}

function rowsOf(chunk: RawChunk): LeakRows {
  const { rowCount, numeric, codes, labels, groups, weights, times } = chunk;
  const stride = strideOf(chunk);
  const numbers: LeakValues[] = Array.from(
    { length: stride },
    (_, offset) => ({ values: numeric, offset, stride }),
  );
  return {
    rowCount,
    columns: [...numbers, ...codes.map((values) => ({ values }))],
    labels,
    groups,
    ...(weights ? { weights } : {}),
    ...(times ? { times } : {}),
  };
}

function groupAsFeature(group: string): LeakWarning {
  return {
    kind: "group-feature",
    columns: [group],
    text:
      `${group} is the group and a feature: held-out rows are of groups that the model has not seen, so that the metrics ` +
      "do not show what it is worth for known ones. Take it out of the features.",
  };
}
