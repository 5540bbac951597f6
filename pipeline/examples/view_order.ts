import type { FeatureSpec } from "./spec.ts";
import { quoted } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";

/** Whether the view's rows come in the order of their ids without being sorted. */
export function viewOrdersById({ db }: Store, spec: FeatureSpec): boolean {
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM ${view} ORDER BY ${id}`).all();
  return plan.every(({ detail }) => !String(detail).includes("TEMP B-TREE"));
}
