import type { ColumnProfile } from "./column_profile.ts";
import { eventTimeOf } from "./event_time.ts";
import type { JoinTree } from "./join_tree.ts";
import { groupOf, hasGroups } from "./key.ts";
import { namedColumn } from "./label.ts";
import { isPersonName } from "./names.ts";
import type { TableProfile } from "./profile.ts";
import type { LeftOutColumn } from "./proposal.ts";
import { straddlingShare } from "./time_split.ts";
import { namedField, type ViewField } from "./view_fields.ts";

export interface RoleSearch {
  readonly tree: JoinTree;
  readonly fields: readonly ViewField[];
  /** What the user named; `none` for no group, unless a column has that name. */
  readonly wishes: { readonly group?: string; readonly time?: string };
  /** The table with a row for each example. */
  readonly examples: TableProfile;
}

/** Columns of the view that are no features, or not only. */
export interface ViewRoles {
  readonly group: ViewField | undefined;
  readonly time: ViewField | undefined;
  /** Share of the earlier rows whose group has a row among the last ones; undefined if unknown. */
  readonly straddling: number | undefined;
}

/** The group that the user names if each row is one. */
const noGroup = "none";

/**
 * Finds the group and the time of the examples.
 *
 * @param taken Columns that are neither.
 * @throws {Failure} `usage-invalid` if a column is named that the examples do not have.
 */
export function rolesOf(
  { tree, fields, wishes, examples }: RoleSearch,
  taken: ReadonlySet<string>,
): ViewRoles {
  const named = (name: string, flag: string) => {
    if (tree.joins.length > 0) return namedField(fields, name, flag);
    const column = namedColumn(examples, name, flag);
    return fields.find((field) => field.column === column);
  };
  const hasNone = fields.some(({ name }) => name.toLowerCase() === noGroup);
  const group = wishes.group === undefined
    ? groupField(tree, fields.filter(({ name }) => !taken.has(name)), examples)
    : wishes.group === noGroup && !hasNone
    ? undefined
    : named(wishes.group, "--group");
  const time = wishes.time === undefined ? timeField(tree, fields) : named(wishes.time, "--time");
  const isOwn = group?.alias === tree.root && time?.alias === tree.root;
  const straddling = isOwn ? straddlingShare(group.column.values, time.column.values) : undefined;
  return { group, time, straddling };
}

/** Returns the time of the examples' own table, else of a table in which each of them has a row. */
function timeField({ root, joins }: JoinTree, fields: readonly ViewField[]): ViewField | undefined {
  const isOuter = (alias: string) => joins.some((join) => join.alias === alias && join.isOuter);
  return eventTimeOf(fields.filter(({ alias }) => alias === root)) ??
    eventTimeOf(fields.filter(({ alias }) => !isOuter(alias)));
}

/** Returns the column of the time of the examples in their own table, if there is one. */
export function exampleTime({ name, columns }: TableProfile, wish: string | undefined): string | undefined {
  if (wish === undefined) return eventTimeOf(columns.map((column) => ({ column })))?.column.name;
  const isMeant = (column: string) =>
    [column, `${name}.${column}`].some((own) => own.toLowerCase() === wish.toLowerCase());
  return columns.find((column) => isMeant(column.name))?.name;
}

/** Returns the group: of the columns that refer to parents the one of a person, or with the most values; else another of the examples. */
function groupField(
  { root, joins }: JoinTree,
  fields: readonly ViewField[],
  examples: TableProfile,
): ViewField | undefined {
  const own = fields.filter(({ alias }) => alias === root);
  const refers = ({ name }: ColumnProfile) =>
    joins.some(({ from, column, isOuter }) => from === root && column === name && !isOuter);
  const referring = own.filter(({ column }) => refers(column) && hasGroups(column, examples))
    .sort((a, b) =>
      Number(isPersonName(b.column.name)) - Number(isPersonName(a.column.name)) ||
      b.column.distinct - a.column.distinct
    );
  const other = () => {
    const isTaken = (name: string) => !own.some(({ column }) => column.name === name);
    const found = groupOf(examples.columns, examples, isTaken);
    return own.find(({ column }) => column === found);
  };
  return referring[0] ?? other();
}

/** Returns the entry of the group, which is no feature. */
export function groupLeftOut(name: string, isDivided: boolean): LeftOutColumn {
  return {
    column: name,
    why: isDivided
      ? "it is the group: what is learnt of one helps only as long as it comes again"
      : "it is the group: its rows are held out together, so training and testing share no value",
    feature: { name, type: "categorical", hash: 4_096 },
  };
}
