import { z } from "zod";
import type { FieldError } from "../failure.ts";
import type { FeatureType } from "./feature_types.ts";

const pairs = z.array(z.array(z.string().min(1)).length(2)).max(10_000);
const treesMax = 100_000;
const foldsMax = 50;
const othersMax = 15;

const treesShape = {
  mode: z.enum(["sorted", "single"]).meta({
    description:
      "how trees split a category: also by levels sorted by their rate, or only one level from the others",
    examples: ["single"],
  }),
  leaves: z.int().min(2).max(1_024).meta({ description: "leaves of each tree", examples: [16] }),
  smoothing: z.number().positive().max(100).optional().meta({
    description: "how strongly leaves are drawn to 0, as a multiple of the usual",
    examples: [0.1],
  }),
  fieldShare: z.number().positive().max(1).optional().meta({
    description: "share of the features, drawn for each tree, that it may split on; absent: 0.7",
    examples: [0.4],
  }),
  rowShare: z.number().positive().max(1).optional().meta({
    description: "share of the rows, drawn for each tree, that it is grown on; absent: 0.8",
    examples: [0.5],
  }),
  pairs: pairs.meta({
    description: "the pairs of features that get a table; of a time, one of its parts, as `shown_at:hour`",
    examples: [[["apr", "lender_id"]]],
  }),
  foldPairs: z.array(pairs).max(foldsMax).meta({
    description: "the pairs of each fold, by which the coefficients are fitted",
    examples: [[[["apr", "lender_id"]]]],
  }),
  foldTrees: z.array(z.int().min(0).max(treesMax)).max(foldsMax).meta({
    description: "the number of trees of each fold",
    examples: [[120, 98, 110]],
  }),
  trees: z.int().min(0).max(treesMax).meta({
    description: "the number of trees of the final tables",
    examples: [120],
  }),
};

/** How curves and tables are made of the features: what a search for them has chosen. */
export const tablesSpec = z.strictObject({
  ...treesShape,
  others: z.array(z.strictObject(treesShape)).max(othersMax).optional().meta({
    description:
      "further kinds of trees, with the same members; the tables are the mean of those of each kind",
    examples: [[{ mode: "sorted", leaves: 4, pairs: [], foldPairs: [], foldTrees: [120], trees: 130 }]],
  }),
}).meta({ title: "Tables" });

export type TablesSpec = z.infer<typeof tablesSpec>;

/** Returns the names by which a feature's values, or the parts of a time, are in tables. */
export function axisNamesOf(feature: FeatureType): string[] {
  if (feature.type === "words") return [];
  return feature.type === "time" ? feature.parts.map((part) => `${feature.name}:${part}`) : [feature.name];
}

/** Returns what is wrong with the pairs of `tables`. */
export function tableErrors(
  { tables, features }: {
    readonly tables?: TablesSpec | undefined;
    readonly features: readonly FeatureType[];
  },
): FieldError[] {
  if (!tables) return [];
  const names = new Set(features.flatMap(axisNamesOf));
  const kinds = [
    { path: "", kind: tables },
    ...(tables.others ?? []).map((kind, i) => ({ path: `others/${i}/`, kind })),
  ];
  const lists = kinds.flatMap(({ path, kind }) => [
    { at: `${path}pairs`, pairs: kind.pairs },
    ...kind.foldPairs.map((pairs, i) => ({ at: `${path}foldPairs/${i}`, pairs })),
  ]);
  return lists.flatMap(({ at, pairs }) =>
    pairs.flatMap((pair, i) =>
      pair.flatMap((name, j) => {
        const detail = names.has(name)
          ? pair[0] === pair[1] ? `"${name}" is paired with itself` : undefined
          : `"${name}" is not one of the features, or the part of a time`;
        return detail === undefined ? [] : [{ pointer: `#/tables/${at}/${i}/${j}`, detail }];
      })
    )
  );
}
