import type { FeatureSpec } from "../../examples/spec.ts";
import type { TablesSpec } from "../../examples/table_spec.ts";
import { kindOf, type Pair, type Steps, type TreeSteps } from "../../fit/tables/found_model.ts";

/** Returns the feature spec of found tables: that of the search, with what it has chosen. @param names Of the axes. */
export function foundSpec(spec: FeatureSpec, { kinds }: Steps, names: readonly string[]): FeatureSpec {
  const named = (pairs: readonly Pair[]) => pairs.map((pair) => pair.map((axis) => names[axis]));
  const [first, ...others] = kinds.map((kind) => ({
    ...kindOf(kind),
    pairs: named(kind.pairs),
    foldPairs: kind.foldPairs.map(named),
    foldTrees: [...kind.foldTrees],
    trees: kind.trees,
  }));
  return { ...spec, tables: { ...first, ...others.length > 0 ? { others } : {} } };
}

/** Returns the steps of a spec's tables. */
export function stepsOf(tables: TablesSpec, seed: number, names: readonly string[]): Steps {
  const placed = (pairs: readonly (readonly string[])[]) =>
    pairs.map(([a, b]): Pair => {
      const [first, second] = [names.indexOf(a), names.indexOf(b)];
      return first < second ? [first, second] : [second, first];
    });
  const { others = [], ...first } = tables;
  const kinds = [first, ...others].map((kind): TreeSteps => ({
    ...kind,
    pairs: placed(kind.pairs),
    foldPairs: kind.foldPairs.map(placed),
  }));
  return { seed, kinds };
}
