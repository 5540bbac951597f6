import { Failure } from "../../pipeline/failure.ts";

/** Maximum number of rows of one JSON answer. More rows are sent as newline-delimited JSON. */
export const batchRowsMax = 10_000;

/** Invalid rows after which a request is aborted: their error messages take longest. */
export const badRowsMax = 100;

/** Maximum number of changes of one what-if request. */
export const changesMax = 1_000;

/**
 * Checks the length of a list before its entries are checked.
 *
 * @param list Any value: one that is not a list is rejected elsewhere.
 * @throws {Failure} `input-invalid`
 */
export function requireCount(list: unknown, name: string, max: number): void {
  if (!Array.isArray(list) || list.length <= max) return;
  throw new Failure("input-invalid", `The request has too many ${name}.`, [{
    pointer: `#/${name}`,
    detail: `has ${list.length.toLocaleString("en")} entries, expected at most ${max.toLocaleString("en")}`,
  }]);
}
