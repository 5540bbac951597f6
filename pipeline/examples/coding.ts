import type { Codes } from "./raw_examples.ts";
import { kindBitOf, tableLevelOf } from "./level.ts";

/** How the categories of one column of a table were coded, by one thread or by several. */
export interface Coding {
  /** Per thread: its levels by its own codes, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[];
  /** Kinds of the values, as bits. */
  readonly kinds: number;
}

export type Coder = ReturnType<typeof createCoder>;

/** Codes the categories of one column on one thread, in the order in which they first occur. */
export function createCoder(thread = 0, threadCount = 1) {
  const levels: (string | null)[] = [null];
  let kinds = 0;
  const codeOf = new Map<unknown, number>([[null, 0]]);
  return {
    levels,
    get kinds(): number {
      return kinds;
    },
    /** @returns The written code of a value; undefined if it is no category. */
    codeOf(value: unknown): number | undefined {
      const known = codeOf.get(value);
      if (known !== undefined) return known;
      if (typeof value !== "string" && typeof value !== "number") return undefined;
      kinds |= kindBitOf(value);
      const code = writtenCode(levels.push(tableLevelOf(value)) - 1, thread, threadCount);
      codeOf.set(value, code);
      return code;
    },
  };
}

/** Combines a thread's own code, above 0, with the thread's number: threads assign codes without coordination. */
function writtenCode(code: number, thread: number, threadCount: number): number {
  return (code - 1) * threadCount + thread + 1;
}

/** Returns the level of a written code. */
function writtenLevel(written: number, { levels }: Coding): string | null {
  if (written === 0) return null;
  const threadCount = levels.length;
  return levels[(written - 1) % threadCount][Math.floor((written - 1) / threadCount) + 1];
}

export type Recoder = ReturnType<typeof createRecoder>;

/** Replaces written codes by others, in the order in which they first appear: levels that no example has get no code. */
export function createRecoder(coding: Coding) {
  const levels: (string | null)[] = [null];
  const codeOf = new Map<string | null, number>([[null, 0]]);
  /** By written code: the other code, or 0 if it is not known yet. */
  let known = new Uint32Array(64);
  const addCode = (written: number) => {
    if (written >= known.length) {
      const longer = new Uint32Array(2 * written);
      longer.set(known);
      known = longer;
    }
    const level = writtenLevel(written, coding);
    let code = codeOf.get(level);
    if (code === undefined) codeOf.set(level, code = levels.push(level) - 1);
    return known[written] = code;
  };
  return {
    /** By code; null for missing at 0. */
    levels,
    /** Kinds of the values, as bits: a column without a level has none, whatever rows that are no examples have. */
    kinds: (): number => levels.length > 1 ? coding.kinds : 0,
    /** Recodes a column in place. */
    recode(codes: Codes | Uint32Array, from = 0, to = codes.length): void {
      for (let i = from; i < to; i++) {
        const written = codes[i];
        const code = written < known.length ? known[written] : 0;
        codes[i] = code > 0 || written === 0 ? code : addCode(written);
      }
    },
  };
}
