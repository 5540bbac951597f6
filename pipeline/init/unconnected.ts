import { basename } from "node:path";
import { usageInvalid } from "../failure.ts";
import { printable } from "../files/columns/printable.ts";
import type { JoinTree } from "./join_tree.ts";
import type { TableProfile } from "./profile.ts";
import type { NearMiss } from "./near_misses.ts";
import { listed } from "./names.ts";
import type { Reference } from "./references.ts";

/** Says why tables with a row for each change are not joined to examples without a time. */
export function timeMisses(references: readonly Reference[]): NearMiss[] {
  return references.flatMap(({ table, parent, knownAt }): NearMiss[] =>
    knownAt === undefined ? [] : [{
      tables: [table, parent],
      text:
        `${parent} has a row for each change, known from ${knownAt} on, but ${table} has no time: name its column with --time`,
    }]
  );
}

const shownColumnsMax = 8;
const shownTextMax = 24;

/** @throws {Failure} `usage-invalid` if a file that the user named does not join the examples. */
export function requireConnected(
  { root, unconnected }: JoinTree,
  profiles: readonly TableProfile[],
  { isNamed, nearMisses }: { isNamed: (profile: TableProfile) => boolean; nearMisses: readonly NearMiss[] },
): void {
  const examples = profiles.find(({ name }) => name === root);
  const lost = profiles.find((profile) => unconnected.includes(profile.name) && isNamed(profile));
  if (!lost || !examples) return;
  const near = nearMisses.filter(({ tables }) => tables.includes(lost.name)).map(({ text }) => text);
  const seen = near.length > 0 ? ` ${near.slice(0, 3).join("; ")}.` : "";
  throw usageInvalid(
    `${basename(lost.path)} does not join ${
      basename(examples.path)
    }: no column of one has the values of a key of the other.${seen} ${shownTable(examples)}; ${
      shownTable(lost)
    }. Name the columns with --join ${root}.COLUMN=${lost.name}.KEY, or leave the file out.`,
  );
}

/** Returns the columns of a table, each with one of its values. */
function shownTable({ name, columns }: TableProfile): string {
  const shown = columns.map((column) => {
    const [first] = column.levels;
    return first ? `${column.name} (${JSON.stringify(shortened(first.level))})` : column.name;
  });
  return `${printable(name)} has ${listed(shown, shownColumnsMax)}`;
}

function shortened(text: string): string {
  return text.length <= shownTextMax ? text : `${text.slice(0, shownTextMax)}…`;
}
