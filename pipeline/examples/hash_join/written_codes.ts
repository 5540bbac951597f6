import { kindBitOf, tableLevelOf } from "../level.ts";

/** Codes the categories of one table's rows on one thread. */
export interface Coding {
  /** Per categorical field: the levels by the thread's own codes, after null for missing. */
  readonly levels: (string | null)[][];
  /** Per categorical field: the kinds of the values, as bits. */
  readonly kinds: number[];
  /** @returns The written code of a value; undefined if it is no category. */
  codeOf(field: number, value: unknown): number | undefined;
}

/** @param fieldCount Number of categorical fields. */
export function createCoding(fieldCount: number, thread: number, threadCount: number): Coding {
  const levels = Array.from({ length: fieldCount }, (): (string | null)[] => [null]);
  const kinds = levels.map(() => 0);
  const codesOf = levels.map(() => new Map<unknown, number>([[null, 0]]));
  return {
    levels,
    kinds,
    codeOf(field, value) {
      const known = codesOf[field].get(value);
      if (known !== undefined) return known;
      if (typeof value !== "string" && typeof value !== "number") return undefined;
      kinds[field] |= kindBitOf(value);
      const code = writtenCode(levels[field].push(tableLevelOf(value)) - 1, thread, threadCount);
      codesOf[field].set(value, code);
      return code;
    },
  };
}

/** Combines a thread's own code, above 0, with the thread's number: threads assign codes without coordination. */
function writtenCode(code: number, thread: number, threadCount: number): number {
  return (code - 1) * threadCount + thread + 1;
}

/** Returns the level of a written code. @param levels Per thread, by its own codes. */
export function writtenLevel(
  written: number,
  levels: readonly (readonly (string | null)[])[],
): string | null {
  if (written === 0) return null;
  const threadCount = levels.length;
  return levels[(written - 1) % threadCount][Math.floor((written - 1) / threadCount) + 1];
}
