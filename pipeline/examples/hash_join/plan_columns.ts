import { inputColumnsOf } from "../input_columns.ts";
import type { JoinPlan } from "../join_plan.ts";
import type { ColumnPlaces } from "./matching.ts";

/** Returns the columns of a table that examples read, by kind. The time is a number after the last field. */
export function fieldsOf({ spec, fields, time, group }: JoinPlan, table: string) {
  const own = inputColumnsOf(spec.features).flatMap(({ kind }, field) =>
    fields[field].table === table ? [{ kind, field, column: fields[field].column }] : []
  );
  const ownTime = time?.table === table
    ? [{ kind: "number", field: fields.length, column: time.column }]
    : [];
  return {
    numeric: [...own.filter(({ kind }) => kind === "number"), ...ownTime],
    categorical: own.filter(({ kind }) => kind === "category"),
    /** The group of the examples, if it is a column of the table. */
    groups: group.table === table ? [group] : [],
  };
}

/** Returns where the columns of `fieldsOf` are in an example. */
export function placesOf(plan: JoinPlan, table: string): ColumnPlaces {
  const { numeric, categorical, groups } = fieldsOf(plan, table);
  const columns = inputColumnsOf(plan.spec.features);
  const placeOf = ({ field }: { readonly field: number }) =>
    field === columns.length
      ? -1
      : columns.slice(0, field).filter(({ kind }) => kind === columns[field].kind).length;
  return { numbers: numeric.map(placeOf), codes: [...categorical.map(placeOf), ...groups.map(() => -1)] };
}
