import { Failure } from "../../pipeline/failure.ts";

/** Rows of one answer as JSON: what is longer is sent as newline-delimited JSON. */
export const batchRowsMax = 10_000;

/** Rows of one request that cannot be answered: with one more it is given up. To say what is wrong takes longest. */
export const badRowsMax = 100;

/** Changes of one question what if. */
export const changesMax = 1_000;

/**
 * Counts before anything looks at what is counted.
 *
 * @param list Anything: what is no list is somebody else's to refuse.
 * @throws {Failure} `input-invalid`
 */
export function requireCount(list: unknown, name: string, max: number): void {
  if (!Array.isArray(list) || list.length <= max) return;
  throw new Failure("input-invalid", `The request has more ${name} than are taken at once.`, [{
    pointer: `#/${name}`,
    detail: `has ${list.length.toLocaleString("en")} entries, expected at most ${max.toLocaleString("en")}`,
  }]);
}
