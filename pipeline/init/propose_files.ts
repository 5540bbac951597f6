import { Failure } from "../failure.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { inputFilesOf, type LeftFile, noTable, partsByName } from "./folder.ts";
import { searchKeys } from "./key_search.ts";
import { startLookThreads } from "./look_threads.ts";
import { isTime, typeOf } from "./parquet_sample.ts";
import { withCheckedKey } from "./key_check.ts";
import { joinedParts } from "./table_parts.ts";
import { type LookObserver, profileFile, type TableProfile } from "./profile.ts";
import type { Proposal } from "./proposal.ts";
import { proposeTables, type Wishes } from "./propose.ts";
import type { KeySearch, KeySearchResult } from "./references.ts";
import { readColumn } from "./sampled_rows.ts";
import { withinWidth } from "./table_width.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { RowsObserver } from "./whole_columns.ts";
import { judgedHere, type UnjudgedProposal } from "./unjudged_proposal.ts";

export interface FilesOptions {
  /** Describes text files; what is absent is detected. */
  readonly format?: TextFormat;
  readonly signal?: AbortSignal;
  readonly observe?: LookObserver;
  /** Share the look at parquet files. */
  readonly threads?: Threads | undefined;
}

/** A proposal for files, and the things in folders that are no tables. */
export interface FilesProposal {
  readonly proposal: Proposal;
  readonly left: readonly LeftFile[];
}

/** The same before the search for leaks. */
export interface UnjudgedFiles {
  readonly unjudged: UnjudgedProposal;
  readonly left: readonly LeftFile[];
}

/** A table of one or several files. */
interface FilesTable {
  readonly profile: TableProfile;
  readonly paths: readonly string[];
  readonly isNamed: boolean;
}

/**
 * Looks at files, and at the files of folders, and proposes tables, the view and the feature spec.
 *
 * @throws {Failure} as `inputFilesOf`, `profileFile` and `proposeTables`.
 */
export async function proposeFiles(
  paths: readonly string[],
  wishes: Wishes,
  options: FilesOptions,
): Promise<FilesProposal> {
  const threads = startLookThreads(paths);
  try {
    const { unjudged, left } = await proposeUnjudged(paths, wishes, { ...options, threads });
    return { proposal: judgedHere(unjudged), left };
  } finally {
    threads?.close();
  }
}

/** Like `proposeFiles`, without the search for leaks. @throws {Failure} as it does. */
export async function proposeUnjudged(
  paths: readonly string[],
  wishes: Wishes,
  { format, signal, observe, threads }: FilesOptions,
): Promise<UnjudgedFiles> {
  const files = inputFilesOf(paths);
  const left = [...files.left];
  const profiles: TableProfile[] = [];
  for (const path of [...files.named, ...files.found]) {
    const profiling = profileFile(path, {
      ...format ? { format } : {},
      ...signal ? { signal } : {},
      observe,
      threads,
    });
    if (files.named.includes(path)) profiles.push(await profiling);
    else {
      const profile = await orReason(profiling);
      if (typeof profile === "string") left.push({ file: path, why: profile });
      else profiles.push(profile);
    }
  }
  const named = Object.values(wishes).flat();
  if (profiles.length === 0) throw noTable(paths, left);
  const tables = await tablesOf(profiles.map((profile) => withinWidth(profile, named)), files.named, {
    signal,
    observe,
  });
  const required = tables.filter(({ isNamed }) => isNamed).map(({ profile }) => profile);
  const { rows, judged } = await proposeTables(tables.map(({ profile }) => profile), wishes, {
    isNamed: (profile) => required.includes(profile),
    searchKeys: (searches) => searchFiles(tables, searches, { signal, observe }),
  });
  const pathsOf = (name: string) => tables.find(({ profile }) => profile.name === name)?.paths ?? [];
  const withPaths = (proposal: Proposal) => ({
    ...proposal,
    tables: proposal.tables.map((table) => ({ ...table, paths: pathsOf(table.name) })),
  });
  return { unjudged: { rows, judged: (warnings) => withPaths(judged(warnings)) }, left };
}

interface Observed {
  readonly signal: AbortSignal | undefined;
  readonly observe: LookObserver | undefined;
}

/** Returns an observer of the rows of files with these profiles. */
function rowsOf(
  profiles: readonly TableProfile[],
  observe: LookObserver | undefined,
): RowsObserver | undefined {
  if (!observe) return undefined;
  return (path, rows) => {
    const rowsTotal = profiles.find((profile) => profile.path === path)?.rowCount ?? rows;
    observe({ path, rows, rowsTotal: Math.max(rows, rowsTotal) });
  };
}

/** Searches each table once, for all keys that are looked for in it. */
async function searchFiles(
  tables: readonly FilesTable[],
  searches: readonly KeySearch[],
  { signal, observe }: Observed,
): Promise<KeySearchResult[]> {
  const found = new Map<KeySearch, KeySearchResult>();
  for (const table of tables) {
    const own = searches.filter((search) => search.table === table.profile.name);
    if (own.length === 0) continue;
    for (
      const [i, result] of (await searchKeys(
        { ...searchedTable(table), signal, observe: rowsOf([table.profile], observe) },
        own,
      )).entries()
    ) {
      found.set(own[i], result);
    }
  }
  return searches.flatMap((search) => found.get(search) ?? []);
}

/** Returns why a file in a folder cannot be read, if it cannot. */
async function orReason(profiling: Promise<TableProfile>): Promise<TableProfile | string> {
  try {
    const profile = await profiling;
    return profile.rowCount === 0 ? "it has no row" : profile;
  } catch (error) {
    if (error instanceof Failure && error.kind === "file-invalid") {
      return error.message.replace(/^Cannot read [^:]*: |\.$/g, "");
    }
    throw error;
  }
}

function searchedTable({ profile, paths }: FilesTable) {
  const columns = profile.columns.map(({ name, kind }) => readColumn(name, typeOf(kind), isTime(kind)));
  return { paths, format: profile.format, columns };
}

/** Makes a table of each file, or of files with the same columns whose names differ in numbers only. */
async function tablesOf(
  profiles: readonly TableProfile[],
  named: readonly string[],
  { signal, observe }: Observed,
): Promise<FilesTable[]> {
  const byPath = new Map(profiles.map((profile) => [profile.path, profile]));
  const tables: FilesTable[] = [];
  for (const [stem, paths] of partsByName([...byPath.keys()])) {
    const parts = paths.flatMap((path) => byPath.get(path) ?? []);
    const whole = parts.length > 1 ? joinedParts(stem, parts) : undefined;
    if (whole) {
      // A key of one part may occur in another.
      const files = {
        paths,
        format: whole.format,
        isParquet: whole.fileFormat === "parquet",
        signal,
        observe: rowsOf(parts, observe),
      };
      const profile = { ...whole, columns: await withCheckedKey(whole.columns, files) };
      tables.push({ profile, paths, isNamed: paths.some((path) => named.includes(path)) });
    } else {
      tables.push(...parts.map((profile) => {
        return { profile, paths: [profile.path], isNamed: named.includes(profile.path) };
      }));
    }
  }
  return withNames(tables);
}

/** Removes the word that the names of all tables begin with, and numbers tables of the same name. */
function withNames(tables: readonly FilesTable[]): FilesTable[] {
  const names = tables.map(({ profile }) => profile.name);
  const [prefix] = names[0].split("_");
  const isShared = names.length > 1 &&
    names.every((name) => /^\p{L}/u.test(name.slice(prefix.length + 1)) && name.startsWith(`${prefix}_`));
  const taken = new Set<string>();
  return tables.map((table) => {
    const name = isShared ? table.profile.name.slice(prefix.length + 1) : table.profile.name;
    let free = name;
    for (let i = 2; taken.has(free.toLowerCase()); i++) free = `${name}_${i}`;
    taken.add(free.toLowerCase());
    return { ...table, profile: { ...table.profile, name: free } };
  });
}
