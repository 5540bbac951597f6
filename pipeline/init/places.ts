import { basename } from "node:path";
import { usageInvalid } from "../failure.ts";
import type { ColumnProfile } from "./column_profile.ts";
import { listed, wordsOf } from "./names.ts";
import type { TableProfile } from "./profile.ts";

/** A column and its table. */
export interface Place {
  readonly profile: TableProfile;
  readonly column: ColumnProfile;
}

/**
 * Finds a column by COLUMN or TABLE.COLUMN.
 *
 * @throws {Failure} `usage-invalid` if several tables have it.
 */
export function findColumn(
  profiles: readonly TableProfile[],
  name: string,
  flag = "--label",
): Place | undefined {
  const places = placesOf(profiles, (column) => column === name);
  const loose = places.length > 0 ? places : placesOf(profiles, (column) => isSameName(column, name));
  if (loose.length > 1) {
    const names = loose.map(({ profile, column }) => `${profile.name}.${column.name}`);
    throw usageInvalid(
      `${flag} is ${JSON.stringify(name)}, which ${
        listed(loose.map(({ profile }) => profile.name))
      } have: write ${flag} ${names.join(` or ${flag} `)}`,
    );
  }
  if (loose.length === 1) return loose[0];
  const dot = name.indexOf(".");
  const table = dot > 0 ? findTable(profiles, name.slice(0, dot)) : undefined;
  return table && placesOf([table], (column) => isSameName(column, name.slice(dot + 1)))[0];
}

function placesOf(profiles: readonly TableProfile[], isMeant: (column: string) => boolean): Place[] {
  return profiles.flatMap((profile) =>
    profile.columns.filter(({ name }) => isMeant(name)).map((column) => ({ profile, column }))
  );
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Finds a table by its name, by that of its file, or by its last word: `clicks` of `ds_clicks`. */
export function findTable(profiles: readonly TableProfile[], name: string): TableProfile | undefined {
  const exact = profiles.find((profile) => isSameName(profile.name, name)) ??
    profiles.find(({ path }) => path === name || basename(path) === name);
  if (exact) return exact;
  const byWord = profiles.filter((profile) => wordsOf(profile.name).at(-1) === name.toLowerCase());
  return byWord.length === 1 ? byWord[0] : undefined;
}
