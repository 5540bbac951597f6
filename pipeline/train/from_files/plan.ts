import { countRows } from "../../ingest/load_log.ts";
import { parentsFirst } from "../../ingest/reference.ts";
import { type JoinPlan, joinPlanOf } from "../../examples/join_plan.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import type { Store } from "../../store/store.ts";
import { findTable, type Table } from "../../store/table.ts";

/**
 * Plans how the examples can be gathered from the rows that are loaded, beside the loading.
 *
 * @returns undefined where the view is not known to be a join by keys, or the store has rows of it already: the examples
 *   are then read from the store.
 */
export function gatherPlanOf(
  store: Store,
  spec: FeatureSpec,
  tables: readonly Table[],
): JoinPlan | undefined {
  const plan = joinPlanOf(store, spec, tables);
  if (!plan) return undefined;
  const child = findTable(tables, plan.child);
  const label = findTable(tables, plan.label.table);
  const parents = plan.parents.map(({ table }) => findTable(tables, table));
  const isNew = [child, ...parents, label].every((table) => countRows(store, table) === 0);
  return isNew && isInOrder(tables, { child, parents, label }) ? plan : undefined;
}

/** Whether parents are loaded before the child, and the labels behind it. */
function isInOrder(
  tables: readonly Table[],
  { child, parents, label }: { child: Table; parents: readonly Table[]; label: Table },
): boolean {
  const order = parentsFirst(tables);
  const place = order.indexOf(child);
  return parents.every((parent) => order.indexOf(parent) < place) && order.indexOf(label) > place;
}
