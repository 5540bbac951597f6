import { type JoinTree, keysOf } from "./join_tree.ts";
import type { LabelChoice } from "./label_choice.ts";
import type { TableProfile } from "./profile.ts";
import type { ProposedTable } from "./proposal.ts";
import { keyedTable, labelTableFor, tableOf } from "./table.ts";

/** Proposes the tables: parents before the tables that refer to them, and the label's last. */
export function proposedTablesOf(
  choice: LabelChoice,
  tree: JoinTree,
  profiles: readonly TableProfile[],
): ProposedTable[] {
  const profileOf = (name: string) => profiles.filter((profile) => profile.name === name);
  const required = (table: string) =>
    tree.joins.filter((join) =>
      !join.isOuter && (join.from === table || aliasTable(tree, join.from) === table)
    )
      .map(({ column }) => column);
  const proposedOf = (name: string, key: string | undefined) =>
    profileOf(name).map((profile) => {
      const join = tree.joins.find(({ table }) => table === name);
      const keys = join ? keysOf(join) : [];
      const table = keys.length > 1 && keys[0] === key
        ? keyedTable(profile, keys)
        : tableOf(profile, profile.columns.find((column) => column.name === key));
      const needed = required(name);
      const columns = table.columns.map((column) =>
        needed.includes(column.name) ? { ...column, isRequired: true } : column
      );
      return { ...table, columns };
    });
  const parents = [...new Set(tree.joins.map(({ table }) => table))].reverse();
  return [
    ...parents.flatMap((parent) => proposedOf(parent, tree.joins.find(({ table }) => table === parent)?.key)),
    ...proposedOf(tree.root, choice.is === "exists" ? choice.by.key : undefined),
    ...choice.is === "exists"
      ? profileOf(choice.by.table).map((profile) => labelTableFor(profile, choice.by.column))
      : [],
  ];
}

function aliasTable({ joins }: JoinTree, alias: string): string | undefined {
  return joins.find((join) => join.alias === alias)?.table;
}
