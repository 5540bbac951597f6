/** Rows divided by the values of a column. */
export interface Division {
  readonly name: string;
  /** Index into the levels, shape (rows); −1 for a row that is in none. */
  readonly codes: Int32Array;
  readonly levels: readonly string[];
}

/** A column of as many distinct numbers or fewer is divided by its values. */
const numbersMax = 20;
/** Parts of about equal row count of a column with more numbers. */
const numberParts = 10;
const missing = "(missing)";

/** A number or a text; null is missing. */
export type Value = number | string | null;

/** Values of a column, added row by row. */
export type ColumnValues = ReturnType<typeof createColumnValues>;

/**
 * Collects the values of a column: texts, numbers, booleans, or null for missing.
 *
 * @param options.areLevels Whether numbers are levels, too, however many there are.
 */
export function createColumnValues(name: string, { areLevels = false } = {}) {
  const codeOf = new Map<string, number>();
  const levels: string[] = [];
  /** The numbers, NaN for missing; after the first text, the codes of the levels. */
  let values = new Float64Array(1024);
  let count = 0;
  let isCoded = areLevels;
  const codeOfLevel = (level: string) => {
    let code = codeOf.get(level);
    if (code === undefined) codeOf.set(level, code = levels.push(level) - 1);
    return code;
  };
  const numberOf = (value: unknown) =>
    typeof value === "number"
      ? value
      : typeof value === "bigint"
      ? Number(value)
      : value === null || value === undefined
      ? NaN
      : undefined;
  const valueOf = (value: unknown): number => {
    const number = numberOf(value);
    if (!isCoded && number !== undefined) return number;
    if (!isCoded) {
      isCoded = true;
      for (let i = 0; i < count; i++) values[i] = codeOfLevel(levelOf(values[i]));
    }
    return codeOfLevel(number === undefined ? String(value) : levelOf(number));
  };
  return {
    name,
    add(value: unknown): void {
      if (count === values.length) {
        const longer = new Float64Array(2 * count);
        longer.set(values);
        values = longer;
      }
      values[count] = valueOf(value);
      count++;
    },
    /** Returns what a function makes of the value of each row, shape (rows): of a text once for all its rows. */
    codesBy(codeOf: (value: Value) => number): Int32Array {
      const own = values.subarray(0, count);
      if (!isCoded) return codesBy(own, (value) => codeOf(value === value ? value : null));
      const codes = levels.map((level) => codeOf(level === missing ? null : level));
      return codesBy(own, (code) => codes[code]);
    },
    /** Divides the rows by value, or numbers of many values into parts of about equal row count. */
    division(): Division {
      const own = values.subarray(0, count);
      return { name, ...isCoded ? byLevel(own, levels) : byNumber(own) };
    },
  };
}

function levelOf(number: number): string {
  return number === number ? String(number) : missing;
}

/** Sorts levels that are numbers as such, and texts by their code units after them. */
function byLevel(codes: Float64Array, levels: readonly string[]): Omit<Division, "name"> {
  const numbers = levels.map((level) => level.trim() === "" ? NaN : Number(level));
  const isNumber = (code: number) => numbers[code] === numbers[code];
  const order = [...levels.keys()].sort((a, b) => {
    if (isNumber(a) && isNumber(b) && numbers[a] !== numbers[b]) return numbers[a] - numbers[b];
    if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
    return levels[a] < levels[b] ? -1 : 1;
  });
  const place = new Int32Array(levels.length);
  order.forEach((code, i) => place[code] = i);
  return { codes: codesBy(codes, (code) => place[code]), levels: order.map((code) => levels[code]) };
}

/** `Int32Array.from` with a function takes many times longer. */
function codesBy(values: Float64Array, codeOf: (value: number) => number): Int32Array {
  const codes = new Int32Array(values.length);
  for (let i = 0; i < codes.length; i++) codes[i] = codeOf(values[i]);
  return codes;
}

function byNumber(values: Float64Array): Omit<Division, "name"> {
  const ascending = values.toSorted();
  // NaN comes last.
  const sorted = ascending.subarray(0, 1 + ascending.findLastIndex((value) => value === value));
  const distinct: number[] = [];
  for (const value of sorted) {
    if (distinct.length > numbersMax) break;
    if (value !== distinct.at(-1)) distinct.push(value);
  }
  const ends = distinct.length <= numbersMax ? distinct : endsOf(sorted);
  let from = 0;
  const levels = ends.map((end) => {
    const first = sorted[from];
    while (sorted[from] <= end) from++;
    return first === end ? String(end) : `${first} to ${end}`;
  });
  const codes = codesBy(values, (value) => {
    if (value !== value) return ends.length;
    let [low, high] = [0, ends.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  });
  return { codes, levels: sorted.length < values.length ? [...levels, missing] : levels };
}

/** Returns the last value of each part. */
function endsOf(sorted: Float64Array): number[] {
  const ends = Array.from(
    { length: numberParts },
    (_, part) => sorted[Math.ceil(sorted.length * (part + 1) / numberParts) - 1],
  );
  return [...new Set(ends)];
}

/** Keeps the levels with the most rows, in their order, and combines the others to one. */
export function withLargest({ name, codes, levels }: Division, levelsMax: number): Division {
  if (levels.length <= levelsMax) return { name, codes, levels };
  const rows = new Float64Array(levels.length);
  for (const code of codes) if (code >= 0) rows[code]++;
  const largest = [...levels.keys()].sort((a, b) => rows[b] - rows[a] || a - b).slice(0, levelsMax - 1)
    .sort((a, b) => a - b);
  const place = new Int32Array(levels.length).fill(largest.length);
  largest.forEach((code, i) => place[code] = i);
  return {
    name,
    codes: codes.map((code) => code < 0 ? -1 : place[code]),
    levels: [...largest.map((code) => levels[code]), `${levels.length - largest.length} others`],
  };
}
