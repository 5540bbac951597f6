import { byStep } from "../export/sql_lookups.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { type EngineDesign, positionColumn, type Term } from "./engine_design.ts";
import { numberIn, type SqlValue } from "./sql_engine.ts";

/** A sum over rows, and what it is wanted of. */
export interface WantedSum {
  /** Expression over a row. */
  readonly of: string;
  /** Whether it is wanted of all rows, of each cell of a term, and of each cell of two terms. */
  readonly by: readonly [all: boolean, one: boolean, two: boolean];
}

/** Sums of which a result's row is: of all rows, of a cell of one term, or of one of two terms. */
interface Listed {
  readonly terms: readonly Term[];
  /** Factors by which the engine groups the rows first. */
  readonly factors: readonly number[];
}

/** A SELECT of sums by cells of terms, and how its rows are read. */
export interface TermSums {
  /** The definitions, for WITH, of the tables it reads. */
  readonly tables: readonly string[];
  readonly select: string;
  /** Number of its columns. */
  readonly columns: number;
  /**
   * Returns what a row of the result is of.
   *
   * @returns `also`: the values of the columns it was also grouped by. `columns`: of each term, those that have a 1 in the row's cell,
   *   ascending. `sums`: those wanted, in their order; NULL where it was not wanted.
   */
  read(row: readonly SqlValue[]): {
    readonly also: readonly SqlValue[];
    readonly columns: readonly (readonly number[])[];
    readonly sums: readonly SqlValue[];
  };
}

/** Bits of a mask of factors: it must be an integer of 32 bits. */
const maskBits = 30;

/**
 * Adds rows up in two steps: by the cells of blocks, which occur, and of those by the cells of terms, which are far fewer. The engine
 * reads the rows once, and what it answers has about as many numbers as the Hessian.
 *
 * @param more.pairs Whether sums of two terms are wanted.
 * @param more.also Names of other columns by which the rows are grouped.
 */
export function termSums(
  { bigint }: EngineDialect,
  { blocks, factors }: Pick<EngineDesign, "blocks" | "factors">,
  rows: string,
  wanted: readonly WantedSum[],
  { pairs = false, also = [] }: { readonly pairs?: boolean; readonly also?: readonly string[] } = {},
): TermSums {
  const listed = listTerms(blocks, pairs);
  const sets = distinct(listed.map(({ factors }) => factors));
  const keys = [...new Set(sets.flat())].sort((a, b) => a - b);
  const own = wanted.map((_, i) => `s${i}`);
  const masks = sets.length === 1 ? [] : masksOf(keys);
  const grouped = sets.map((set) => [...also, ...set.map(positionColumn)].join(", "));
  const inner = [
    ...also,
    ...keys.map(positionColumn),
    ...wanted.map(({ of }, i) => `sum(${of}) AS ${own[i]}`),
  ].join(", ");
  const key = (term: Term | undefined) =>
    (term?.factors ?? []).reduce(
      (sum, factor) =>
        sum === ""
          ? positionColumn(factor)
          : `(${bigint(sum)} * ${factors[factor].positionCount} + ${positionColumn(factor)})`,
      "",
    ) || "0";
  const keyNames = pairs ? ["ka", "kb"] : ["ka"];
  // Positions without a column, such as that of a number that is there, add to no sum but those of all rows.
  const shown = (term: Term | undefined) => {
    const empty = emptyPositions(term, factors);
    return empty.length === 0
      ? key(term)
      : `CASE WHEN ${key(term)} NOT IN (${empty.join(", ")}) THEN ${key(term)} END`;
  };
  const keyed = keyNames.map((name, at) =>
    `${steps(listed.map(({ terms }) => shown(terms[at])))} AS ${name}`
  );
  const entries = listed.map(({ factors }, i) =>
    `(${[i, ...masks.map((mask) => mask.of(factors))].join(", ")})`
  );
  const maskNames = masks.map((_, i) => `m${i}`);
  const columns = ["i", ...also, ...keyNames];
  const counts = [0, 1, 2].map((count) => listed.filter(({ terms }) => terms.length <= count).length);
  return {
    tables: [
      `cells AS (SELECT ${inner} FROM ${rows}${groupBy(grouped)})`,
      ...(masks.length === 0 ? [] : [
        `marked AS (SELECT *, ${
          masks.map((mask, i) => `${mask.expression} AS q${i}`).join(", ")
        } FROM cells)`,
      ]),
      `listed AS (SELECT ${["i", ...also, ...keyed, ...own].join(", ")} FROM ${
        masks.length === 0 ? "cells" : "marked"
      } ${masks.length === 0 ? "CROSS JOIN" : "JOIN"} (VALUES ${entries.join(", ")}) AS own(${
        ["i", ...maskNames].join(", ")
      })${masks.length === 0 ? "" : ` ON ${maskNames.map((name, i) => `${name} = q${i}`).join(" AND ")}`})`,
    ],
    select:
      `SELECT ${[...columns, ...wanted.map(({ by }, i) => sumWhere(`s${i}`, by, counts))].join(", ")} ` +
      `FROM listed WHERE ${keyNames.map((name) => `${name} IS NOT NULL`).join(" AND ")} GROUP BY ${
        columns.join(", ")
      }`,
    columns: columns.length + wanted.length,
    read(row) {
      const { terms } = listed[numberIn(row[0])];
      const from = 1 + also.length;
      return {
        also: row.slice(1, from),
        columns: terms.map((term, at) =>
          term.columnsAt(positionsOf(numberIn(row[from + at]), term, factors))
        ),
        sums: row.slice(from + keyNames.length),
      };
    },
  };
}

/** Lists all rows, each term, and each two terms, of one block or of two. */
function listTerms(blocks: EngineDesign["blocks"], pairs: boolean): Listed[] {
  const termsOf = (block: EngineDesign["blocks"][number]) =>
    pairs && !block.hasFewerPairs ? [block] : block.terms;
  const ones = blocks.flatMap((block) =>
    termsOf(block).map((term): Listed => ({ terms: [term], factors: block.factors }))
  );
  const twos = blocks.flatMap((first, i) => [
    ...termsOf(first).flatMap((a, at) =>
      termsOf(first).slice(0, at).map((b): Listed => ({ terms: [a, b], factors: first.factors }))
    ),
    ...blocks.slice(0, i).flatMap((second): Listed[] => {
      const factors = [...new Set([...second.factors, ...first.factors])].sort((a, b) => a - b);
      return termsOf(first).flatMap((a) => termsOf(second).map((b) => ({ terms: [a, b], factors })));
    }),
  ]);
  return [{ terms: [], factors: blocks[0]?.factors ?? [] }, ...ones, ...pairs ? twos : []];
}

/** Positions of a factor in a list, at most: more of them come back. */
const emptyMax = 64;

/** Returns the positions of a term's only factor that have no column. */
function emptyPositions(term: Term | undefined, factors: EngineDesign["factors"]): number[] {
  if (term?.factors.length !== 1) return [];
  const { positionCount } = factors[term.factors[0]];
  const positions = Array.from({ length: positionCount }, (_, position) => position);
  return positions.filter((position) => term.columnsAt([position]).length === 0).slice(0, emptyMax);
}

function distinct(sets: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(sets.map((set) => [set.join(" "), set])).values()];
}

function groupBy(sets: readonly string[]): string {
  const [first] = sets;
  if (sets.length > 1) return ` GROUP BY GROUPING SETS (${sets.map((set) => `(${set})`).join(", ")})`;
  return first === "" ? "" : ` GROUP BY ${first}`;
}

/** Returns masks of the factors by which a row is grouped: their positions are not NULL. */
function masksOf(keys: readonly number[]) {
  return Array.from({ length: Math.ceil(keys.length / maskBits) }, (_, i) => {
    const own = keys.slice(i * maskBits, (i + 1) * maskBits);
    return {
      expression: own.map((factor, bit) =>
        `CASE WHEN ${positionColumn(factor)} IS NULL THEN 0 ELSE ${2 ** bit} END`
      ).join(" + "),
      of: (factors: readonly number[]) =>
        own.reduce((sum, factor, bit) => factors.includes(factor) ? sum + 2 ** bit : sum, 0),
    };
  });
}

/** Returns an expression of the value at the row's index `i`. */
function steps(values: readonly string[]): string {
  return byStep("i", values.flatMap((value, from) => value === values[from - 1] ? [] : [{ value, from }]));
}

/** @param counts Entries of no term, of at most one, and of at most two. */
function sumWhere(name: string, by: WantedSum["by"], counts: readonly number[]): string {
  const conditions = by.flatMap((isWanted, count) =>
    !isWanted || counts[count] === (counts[count - 1] ?? 0)
      ? []
      : [`i >= ${counts[count - 1] ?? 0} AND i < ${counts[count]}`]
  );
  const isAll = by.every((isWanted, count) => isWanted || counts[count] === counts[count - 1]);
  return isAll ? `sum(${name})` : `CASE WHEN ${conditions.join(" OR ")} THEN sum(${name}) END`;
}

/** Returns the positions of a term's factors, of which a key is a mixed-radix number. */
function positionsOf(key: number, { factors: own }: Term, factors: EngineDesign["factors"]): number[] {
  const positions = new Array<number>(own.length);
  let rest = key;
  for (let i = own.length - 1; i >= 0; i--) {
    const { positionCount } = factors[own[i]];
    positions[i] = rest % positionCount;
    rest = Math.floor(rest / positionCount);
  }
  return positions;
}
