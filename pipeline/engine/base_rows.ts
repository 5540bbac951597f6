import { inputColumnsOf } from "../examples/input_columns.ts";
import type { ReadSpec } from "../examples/spec.ts";
import { Failure } from "../failure.ts";
import { quoted } from "../store/sqlite.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { hashColumn, mixed, timeColumn } from "./partition.ts";
import { checksOf, fnvOf } from "./row_checks.ts";
import { labelExpression, levelExpression, numberExpression, type SourceColumns } from "./source_columns.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Names of the columns of base rows. Inputs are in the order of `inputColumnsOf`, those of each kind counted from 0. */
export const [labelColumn, weightColumn, idColumn, groupColumn] = ["y", "w", "id", "g"];
export const numberColumn = (index: number) => `x${index}`;
export const levelColumn = (index: number) => `c${index}`;

/** What becomes of a row: one of the following, or 1 and more for the check that it fails. */
export const fateColumn = "fate";
const [example, noLabelFate, zeroWeightFate] = [0, -1, -2];
/** In counts of rows by their fate: examples of an id that occurs more than once. */
const repeatedFate = -3;
/** The condition that a base row is an example. */
export const isExample = `${fateColumn} = ${example}`;

/** Counts of the rows of the view, by what is done with them. */
export interface ReadRows {
  readonly read: number;
  readonly noLabel: number;
  readonly zeroWeight: number;
}

/** All rows of the view, in the form that training reads. */
export interface BaseRows {
  readonly select: string;
  /** What a row has that fails a check, by the number of its fate less 1. */
  readonly faults: readonly string[];
}

/**
 * Returns the rows of the view: each expression of the view is computed once a row, and values that cannot be read are marked.
 *
 * @param groups Whether groups come as their hash, or as texts that are hashed here.
 */
export function baseRows(
  spec: ReadSpec,
  source: SourceColumns,
  dialect: EngineDialect,
  groups: "hashed" | "texts" = "hashed",
): BaseRows {
  const { weight, time } = spec;
  const inputs = inputColumnsOf(spec.features);
  const ofKind = (kind: "number" | "category") => inputs.filter((input) => input.kind === kind);
  const checks = checksOf(spec, source, dialect, groups);
  const y = labelExpression(spec, source, dialect);
  const w = weight === undefined ? dialect.number(1) : numberExpression(weight, source, dialect);
  const fates = [
    { where: `${y} IS NULL`, fate: noLabelFate },
    ...(weight === undefined ? [] : [{ where: `${w} = 0`, fate: zeroWeightFate }]),
    ...checks.map(({ where }, i) => ({ where, fate: i + 1 })),
  ];
  const isFnv = groups === "hashed" && spec.splitHash !== "sha256";
  const columns = [
    [
      `CASE ${fates.map(({ where, fate }) => `WHEN ${where} THEN ${fate}`).join("\n")} ELSE ${example} END`,
      fateColumn,
    ],
    [y, labelColumn],
    [w, weightColumn],
    groups === "texts"
      ? [dialect.text(quoted(spec.group)), groupColumn]
      : [wordExpression(spec, dialect), isFnv ? "fnv" : hashColumn],
    ...(time === undefined ? [] : [[numberExpression(time, source, dialect), timeColumn]]),
    [quoted(spec.id), idColumn],
    ...ofKind("number").map(({ name }, i) => [numberExpression(name, source, dialect), numberColumn(i)]),
    ...ofKind("category").map(({ name }, i) => [levelExpression(name, source, dialect), levelColumn(i)]),
  ];
  const own = [spec.id, spec.label, spec.group, spec.weight, spec.time, ...inputs.map(({ name }) => name)]
    .filter((name) => name !== undefined);
  const view = `(SELECT ${
    [...new Set(own)].map(quoted).join(", ")
  } FROM ${source.view}${dialect.fence}) AS view_rows`;
  const rows = `SELECT ${
    columns.map(([expression, name]) => `${expression} AS ${name}`).join(",\n")
  }\nFROM ${view}`;
  const select = isFnv
    ? `SELECT *, ${mixed("fnv", dialect)} AS ${hashColumn} FROM (${rows}) AS unmixed`
    : rows;
  return { select, faults: checks.map(({ what }) => what) };
}

/** Returns an expression of the hash of a row's group, or the one that `mixed` finishes. */
function wordExpression({ group, splitHash }: ReadSpec, dialect: EngineDialect): string {
  const text = dialect.text(quoted(group));
  if (splitHash === "sha256") return dialect.sha256Word(text);
  const { word, isUnfit } = fnvOf(dialect.fnv);
  return `CASE WHEN NOT (${isUnfit(text)}) THEN ${word(text)} END`;
}

/** Returns the base rows that are examples, as a FROM has them. @param from All base rows. */
export function exampleRows(from: string): string {
  return `(SELECT * FROM ${from} WHERE ${isExample}) AS examples`;
}

/**
 * Counts base rows, and requires that no two examples have the same id, as a join gives them that finds several rows.
 *
 * @param from All of them, as a FROM has them.
 * @throws {Failure} as `accountOf`; `examples-invalid` for an id that occurs twice.
 */
export async function countExamples(
  { dialect, query, name: engine }: SqlEngine,
  from: string,
  { spec, view, rows: { faults } }: CountedRows,
): Promise<ReadRows> {
  const rows = await query(
    `SELECT ${fateColumn}, count(*), CAST(NULL AS VARCHAR) FROM ${from} GROUP BY ${fateColumn} UNION ALL ` +
      `SELECT * FROM (SELECT ${repeatedFate}, count(*), ${dialect.text(idColumn)} FROM ${
        exampleRows(from)
      } GROUP BY ${idColumn} HAVING count(*) > 1 LIMIT 1) AS repeated`,
  );
  const counts = new Map(rows.map(([fate, count]) => [numberIn(fate), numberIn(count)]));
  counts.delete(repeatedFate);
  const account = accountOf(counts, faults, { spec, view, engine });
  const repeated = rows.find(([fate]) => numberIn(fate) === repeatedFate);
  if (repeated) throw repeatedId(String(repeated[2]), view);
  return account;
}

/** What the rows of a view are counted by. */
export interface CountedRows {
  readonly spec: ReadSpec;
  /** Name of the view, for messages. */
  readonly view: string;
  readonly rows: BaseRows;
}

/**
 * Requires that the view has the rows that it had.
 *
 * @param from All base rows, as a FROM has them.
 * @throws {Failure} `examples-invalid` if it has others; as `accountOf`.
 */
export async function requireUnchanged(
  { engine: { query, name: engine }, stage }: {
    readonly engine: SqlEngine;
    readonly stage: (stage: string) => void;
  },
  from: string,
  { spec, view, rows: { faults } }: CountedRows,
  before: ReadRows,
): Promise<void> {
  stage("counts of the rows");
  const rows = await query(`SELECT ${fateColumn}, count(*) FROM ${from} GROUP BY ${fateColumn}`);
  const counts = new Map(rows.map(([fate, count]) => [numberIn(fate), numberIn(count)]));
  const after = accountOf(counts, faults, { spec, view, engine });
  const words = ({ read, noLabel, zeroWeight }: ReadRows) =>
    `${read} rows, ${noLabel} of them without a label and ${zeroWeight} of weight 0`;
  if (words(after) !== words(before)) throw changedRows(words(before), words(after));
}

/**
 * Accounts for the rows of the view.
 *
 * @param counts Rows by fate.
 * @throws {Failure} `examples-invalid` for a value that cannot be read, with the count of such rows; for a view without rows.
 */
export function accountOf(
  counts: ReadonlyMap<number, number>,
  faults: readonly string[],
  { spec, view, engine }: { readonly spec: ReadSpec; readonly view: string; readonly engine: string },
): ReadRows {
  const read = counts.values().reduce((sum, count) => sum + count, 0);
  if (read === 0) throw new Failure("examples-invalid", `The view ${view} of ${engine} has no rows.`);
  const [noLabel, zeroWeight] = [noLabelFate, zeroWeightFate].map((fate) => counts.get(fate) ?? 0);
  faults.forEach((what, i) => {
    const bad = counts.get(i + 1);
    if (bad === undefined) return;
    throw new Failure(
      "examples-invalid",
      `${bad} of the ${read} rows of ${view} have ${what}. Correct the view; nothing was trained.`,
    );
  });
  if (read === noLabel + zeroWeight) {
    throw new Failure(
      "examples-invalid",
      `Cannot train on the ${read} rows of the view ${view}: ${noLabel} have no ${spec.label}` +
        `${zeroWeight === 0 ? "" : `, ${zeroWeight} have ${spec.weight} 0`}. Add rows with a label.`,
    );
  }
  return { read, noLabel, zeroWeight };
}

export function repeatedId(id: string, view: string): Failure {
  return new Failure(
    "examples-invalid",
    `The id ${id} occurs more than once in ${view}, as a join can cause. Correct the view; nothing was trained.`,
  );
}

/** Returns the failure of rows that another process wrote during the training. */
export function changedRows(before: string, after: string): Failure {
  return new Failure(
    "examples-invalid",
    `The view changed during the training: it had ${before}, then ${after}. Nothing was registered: train again when nothing writes to ` +
      "it, or on a copy of it.",
  );
}
