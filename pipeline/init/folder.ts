import { basename, dirname, extname, join } from "node:path";
import { Failure, usageInvalid } from "../failure.ts";

/** A file or folder that is not read as a table, and why. */
export interface LeftFile {
  readonly file: string;
  readonly why: string;
}

/** The files among paths, of which folders are replaced by the files in them. */
export interface InputFiles {
  /** Files that the user named. One that cannot be read, or does not join, is an error. */
  readonly named: readonly string[];
  /** Files found in folders. One that cannot be read, or does not join, is left out. */
  readonly found: readonly string[];
  readonly left: readonly LeftFile[];
}

/** Names of files that may hold a table. The content decides. */
const tableFile = /\.(parquet|parq|pq|csv|tsv|tab|txt|dat|ndjson|jsonl|json)(\.(gz|gzip|snappy|zstd|br))?$/i;
/** What this program writes into a folder. */
const ownFiles: ReadonlySet<string> = new Set(["features.json", "clickwell.json"]);

/**
 * Lists the files of the given paths. Folders within a folder are left out, so that the list has no surprises.
 *
 * @throws {Failure} `file-missing`, `file-invalid` for a path that cannot be read; `usage-invalid` if no file is left.
 */
export function inputFilesOf(paths: readonly string[]): InputFiles {
  const named: string[] = [];
  const found: string[] = [];
  const left: LeftFile[] = [];
  for (const path of paths) {
    if (!isFolder(path)) named.push(path);
    else {
      for (const entry of entriesOf(path)) {
        const why = whyLeft(entry);
        if (why === undefined) found.push(join(path, entry.name));
        else left.push({ file: join(path, entry.name), why });
      }
    }
  }
  if (named.length + found.length > 0) return { named, found, left };
  throw noTable(paths, left);
}

/** The failure of folders in which no file is a table. */
export function noTable(paths: readonly string[], left: readonly LeftFile[]): Failure {
  const seen = left.map(({ file, why }) => `${basename(file)} (${why})`).slice(0, 10).join(", ");
  return usageInvalid(
    `There is no table in ${paths.join(", ")}: ${
      seen ? `it has ${seen}` : "it is empty"
    }. Expected parquet, CSV or ` +
      "newline-delimited JSON: name the files themselves if they are there under other names.",
  );
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure("file-missing", `There is no file or folder ${path}.`);
    }
    throw error;
  }
}

/** Returns the entries of a folder in the order of their names, without hidden ones. */
function entriesOf(path: string): Deno.DirEntry[] {
  return [...Deno.readDirSync(path)].filter(({ name }) => !/^[._~]/.test(name))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function whyLeft({ name, isDirectory }: Deno.DirEntry): string | undefined {
  if (isDirectory) return "a folder";
  if (ownFiles.has(name)) return "written by clickwell";
  if (tableFile.test(name)) return undefined;
  const extension = extname(name);
  return extension === "" ? "not a table by its name" : `${extension} is not a format of tables`;
}

/**
 * Groups the parts of a table: files whose names differ in numbers only, such as `offers-2024-01.csv` and `offers-2024-02.csv`.
 *
 * @returns The name of each table, and its files.
 */
export function partsByName(files: readonly string[]): Map<string, string[]> {
  return Map.groupBy(files, (file) => stemOf(basename(file)) || basename(dirname(file)));
}

/** Returns a file's name without extensions, numbers and the identifiers of parts, so that nothing but words is left: `mails2.csv` is part of `mails`. */
function stemOf(name: string): string {
  return name.replace(/(\.[A-Za-z]\w{0,7})+$/, "")
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-c\d+)?/gi, "")
    .replace(/(^|[^\p{L}\p{N}])(part|of|chunk)?[^\p{L}\p{N}]*\d+(?=$|[^\p{L}\p{N}])/giu, "")
    .replace(/(?<=\p{L})\d+$/u, "")
    .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
}
