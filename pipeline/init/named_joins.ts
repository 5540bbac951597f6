import { usageInvalid } from "../failure.ts";
import { findTable } from "./places.ts";
import { namedColumn } from "./label.ts";
import type { TableProfile } from "./profile.ts";
import type { NamedColumn } from "./reference_names.ts";
import type { NamedJoin } from "./references.ts";
import { listed } from "./names.ts";

/** Reads joins such as `orders.customer=customers.id`. @throws {Failure} `usage-invalid` for anything else. */
export function namedJoinsOf(profiles: readonly TableProfile[], joins: readonly string[]): NamedJoin[] {
  return joins.map((join) => {
    const ends = join.split("=").map((end) => end.trim());
    if (ends.length !== 2) {
      throw usageInvalid(`--join is ${JSON.stringify(join)}, expected TABLE.COLUMN=TABLE.KEY`);
    }
    const [from, to] = ends.map((end) => placeOf(profiles, end, join));
    return { from, to };
  });
}

function placeOf(profiles: readonly TableProfile[], end: string, join: string): NamedColumn {
  const dot = end.indexOf(".");
  const table = dot < 0 ? undefined : findTable(profiles, end.slice(0, dot));
  if (!table) {
    throw usageInvalid(
      `--join is ${JSON.stringify(join)}, but ${JSON.stringify(end)} is not a column of ${
        listed(profiles.map(({ name }) => name))
      }. Write --join TABLE.COLUMN=TABLE.KEY`,
    );
  }
  return { table: table.name, column: namedColumn(table, end.slice(dot + 1), "--join").name };
}
