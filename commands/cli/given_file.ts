import { Failure, type FailureKind } from "../../pipeline/failure.ts";

/**
 * Reads a text file that a flag or an argument names.
 *
 * @param what What the file is: `the schema`.
 * @param remedy A sentence on what to do.
 * @throws {Failure} `file-missing`, or another kind.
 */
export function readGivenFile(
  path: string,
  what: string,
  { kind = "file-missing", remedy = "" }: { kind?: FailureKind; remedy?: string } = {},
): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    throw new Failure(
      kind,
      `Cannot read ${what} ${path}: it does not exist or is not a readable file.${remedy && ` ${remedy}`}`,
    );
  }
}
