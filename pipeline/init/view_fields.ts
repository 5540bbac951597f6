import { usageInvalid } from "../failure.ts";
import type { Field } from "./fields.ts";
import { type JoinTree, keysOf } from "./join_tree.ts";
import { freeName, isTaken } from "./free_name.ts";
import type { TableProfile } from "./profile.ts";
import type { ProposedTable } from "./proposal.ts";
import { profileColumn } from "./column_profile.ts";
import { listed } from "./names.ts";

/** A column of the view. */
export interface ViewField extends Field {
  /** Name of its table in the view. */
  readonly alias: string;
  /** Whether it is a number of the row, which the store gives. */
  readonly isNumber: boolean;
}

/** Returns the columns of the view: those of the examples, and of the joined tables without their keys. */
export function viewFieldsOf(
  { root, joins }: JoinTree,
  profiles: readonly TableProfile[],
  tables: readonly ProposedTable[],
): ViewField[] {
  const fields: ViewField[] = [];
  const add = (table: string, alias: string, options: { keys?: readonly string[]; isPrefixed?: boolean }) => {
    const rows = profiles.find(({ name }) => name === table);
    if (!rows) return;
    const proposed = tables.find(({ name }) => name === table);
    if (proposed?.isNumbered && alias === root) {
      const [number] = proposed.key;
      const column = profileColumn(number, "integer", { is: "numbers", numbers: new Float64Array() });
      fields.push({ name: number, column, rows, table: alias, alias, isNumber: true });
    }
    for (const column of rows.columns) {
      if (options.keys?.includes(column.name)) continue;
      const taken = fields.map(({ name }) => name);
      const name = options.isPrefixed || isTaken(column.name, taken)
        ? freeName(`${alias}_${column.name}`, taken)
        : column.name;
      fields.push({ name, column, rows, table: alias, alias, isNumber: false });
    }
  };
  add(root, root, {});
  for (const join of joins) {
    const { table, alias } = join;
    add(table, alias, { keys: keysOf(join), isPrefixed: alias !== table });
  }
  return fields;
}

/** Returns a column of the view by its name, or by TABLE.COLUMN. @throws {Failure} `usage-invalid` if there is none. */
export function namedField(fields: readonly ViewField[], name: string, flag: string): ViewField {
  const isSame = (a: string) => a.toLowerCase() === name.toLowerCase();
  const found = fields.find((field) => field.name === name) ?? fields.find((field) => isSame(field.name)) ??
    fields.find(({ alias, column }) => isSame(`${alias}.${column.name}`));
  if (found) return found;
  throw usageInvalid(
    `${flag} is ${JSON.stringify(name)}, but the examples have no such column; they have ${
      listed(fields.map((field) => field.name))
    }.`,
  );
}
