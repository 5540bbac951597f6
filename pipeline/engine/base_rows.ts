import { inputColumnsOf } from "../examples/input_columns.ts";
import type { ReadSpec } from "../examples/spec.ts";
import { Failure, usageInvalid } from "../failure.ts";
import { quoted } from "../store/sqlite.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { hashColumn, mixed, timeColumn } from "./partition.ts";
import { labelExpression, levelExpression, numberExpression, type SourceColumns } from "./source_columns.ts";
import { numberIn, type SqlEngine } from "./sql_engine.ts";

/** Names of the columns of staged examples. Inputs are in the order of `inputColumnsOf`, those of each kind counted from 0. */
export const [labelColumn, weightColumn, idColumn] = ["y", "w", "id"];
export const numberColumn = (index: number) => `x${index}`;
export const levelColumn = (index: number) => `c${index}`;

/** Counts of the rows of the view, by what is done with them. */
export interface ReadRows {
  readonly read: number;
  readonly noLabel: number;
  readonly zeroWeight: number;
}

/** Returns the SELECT of all rows of the view in the form that training reads. */
export function baseRows(spec: ReadSpec, source: SourceColumns, dialect: EngineDialect): string {
  const { group, weight, time, splitHash } = spec;
  const groupText = dialect.text(quoted(group));
  const { fnv } = dialect;
  const word = splitHash === "sha256" ? dialect.sha256Word(groupText) : fnvOf(fnv).word(groupText);
  const inputs = inputColumnsOf(spec.features);
  const ofKind = (kind: "number" | "category") => inputs.filter((input) => input.kind === kind);
  const columns = [
    [labelExpression(spec, source, dialect), labelColumn],
    [weight === undefined ? dialect.number(1) : numberExpression(weight, source, dialect), weightColumn],
    [word, splitHash === "sha256" ? hashColumn : "fnv"],
    ...(time === undefined ? [] : [[numberExpression(time, source, dialect), timeColumn]]),
    [quoted(spec.id), idColumn],
    ...ofKind("number").map(({ name }, i) => [numberExpression(name, source, dialect), numberColumn(i)]),
    ...ofKind("category").map(({ name }, i) => [levelExpression(name, source, dialect), levelColumn(i)]),
  ];
  const rows = `SELECT ${
    columns.map(([expression, name]) => `${expression} AS ${name}`).join(",\n")
  }\nFROM ${source.view}`;
  return splitHash === "sha256"
    ? rows
    : `SELECT *, ${mixed("fnv", dialect)} AS ${hashColumn} FROM (${rows}) AS unmixed`;
}

/** @throws {Failure} `usage-invalid` if the engine cannot compute it. */
function fnvOf(fnv: EngineDialect["fnv"]): NonNullable<EngineDialect["fnv"]> {
  if (fnv) return fnv;
  throw usageInvalid(
    "--split-hash fnv runs on Trino alone: leave it out, for sha256, which every engine computes.",
  );
}

/** The rows that are examples. @param from All rows, as a FROM has them. */
export function exampleRows(from: string): string {
  return `SELECT * FROM ${from} WHERE ${labelColumn} IS NOT NULL AND ${weightColumn} > 0`;
}

/**
 * Counts the view's rows and checks their values.
 *
 * @throws {Failure} `examples-invalid` for a value that cannot be read, with the count of such rows; for a view without rows.
 */
export async function checkRows(
  engine: SqlEngine,
  spec: ReadSpec,
  source: SourceColumns,
): Promise<ReadRows> {
  const { dialect } = engine;
  const checks = [
    ...roleChecks(spec, source, dialect),
    ...inputColumnsOf(spec.features).flatMap(({ name, kind }) => [
      ...valueChecks(name, kind, source, dialect),
      ...(spec.features.some((feature) => feature.name === name && !feature.nullable)
        ? [{
          where: `${quoted(name)} IS NULL`,
          what: `no ${name}, which the feature spec says is not nullable`,
        }]
        : []),
    ]),
  ];
  const label = labelExpression(spec, source, dialect);
  const weight = spec.weight === undefined ? "1" : numberExpression(spec.weight, source, dialect);
  const present = `${label} IS NOT NULL`;
  const count = (where: string) => `sum(CASE WHEN ${where} THEN 1 ELSE 0 END)`;
  const [counts] = await engine.query(
    `SELECT count(*), ${count(`NOT (${present})`)}, ${count(`${present} AND ${weight} = 0`)}${
      checks.map(({ where }) => `,\n${count(`${present} AND ${weight} <> 0 AND (${where})`)}`).join("")
    }\nFROM ${source.view}`,
  );
  const read = numberIn(counts[0]);
  if (read === 0) {
    throw new Failure("examples-invalid", `The view ${source.view} of ${engine.name} has no rows.`);
  }
  const [noLabel, zeroWeight, ...bad] = counts.slice(1).map(numberIn);
  checks.forEach(({ what }, i) => {
    if (bad[i] === 0) return;
    throw new Failure(
      "examples-invalid",
      `${bad[i]} of the ${read} rows of ${source.view} have ${what}. Correct the view; nothing was trained.`,
    );
  });
  if (read === noLabel + zeroWeight) {
    throw new Failure(
      "examples-invalid",
      `Cannot train on the ${read} rows of the view ${source.view}: ${noLabel} have no ${spec.label}` +
        `${zeroWeight === 0 ? "" : `, ${zeroWeight} have ${spec.weight} 0`}. Add rows with a label.`,
    );
  }
  return { read, noLabel, zeroWeight };
}

/** Returns the failure of rows that another process wrote during the training. */
export function changedRows(before: string, after: string): Failure {
  return new Failure(
    "examples-invalid",
    `The view changed during the training: it had ${before}, then ${after}. Nothing was registered: train again when nothing writes to ` +
      "it, or on a copy of it.",
  );
}

/** @throws {Failure} `examples-invalid` if the view has other rows than at the beginning. */
export async function requireUnchanged(
  engine: SqlEngine,
  spec: ReadSpec,
  source: SourceColumns,
  before: ReadRows,
): Promise<void> {
  const after = await checkRows(engine, spec, source);
  const words = ({ read, noLabel, zeroWeight }: ReadRows) =>
    `${read} rows, ${noLabel} of them without a label and ${zeroWeight} of weight 0`;
  if (words(after) !== words(before)) throw changedRows(words(before), words(after));
}

interface Check {
  readonly where: string;
  /** What such rows have. */
  readonly what: string;
}

function roleChecks(spec: ReadSpec, source: SourceColumns, dialect: EngineDialect): Check[] {
  const { label, weight, group, positive } = spec;
  return [
    ...(positive === undefined
      ? [{
        where: `${labelExpression(spec, source, dialect)} = -1`,
        what: `a ${label} that is neither 0 nor 1, nor NULL for a row that is not for training`,
      }]
      : []),
    ...(weight === undefined ? [] : [{
      where: `${numberExpression(weight, source, dialect)} IS NULL OR ${
        numberExpression(weight, source, dialect)
      } < 0 OR ${dialect.isInvalid(quoted(weight))}`,
      what: `a ${weight} that is neither 0 nor a positive number`,
    }]),
    { where: `${quoted(group)} IS NULL`, what: `no ${group}, expected a group` },
    ...(spec.splitHash === "sha256" ? [] : [{
      where: fnvOf(dialect.fnv).isUnfit(dialect.text(quoted(group))),
      what:
        `a ${group} that is empty or has a character beyond U+FFFF, which --split-hash fnv cannot hash there: leave that out`,
    }]),
  ];
}

function valueChecks(
  name: string,
  kind: "number" | "category",
  { kinds }: SourceColumns,
  dialect: EngineDialect,
): Check[] {
  const column = quoted(name);
  if (kinds.get(name) !== "real") return [];
  const isFinite = dialect.isNaN
    ? `${column} IS NOT NULL AND NOT (${dialect.isNaN(column)}) AND NOT (${dialect.isInvalid(column)})`
    : `${column} IS NOT NULL AND NOT (${dialect.isInvalid(column)})`;
  return [
    { where: dialect.isInvalid(column), what: `a ${name} that is infinite` },
    ...(kind === "number" ? [] : [{
      where:
        `CASE WHEN ${isFinite} THEN ${column} <> floor(${column}) OR abs(${column}) > 9007199254740991 ELSE 1 = 0 END`,
      what:
        `a ${name} with decimals as a level, which engines spell differently: CAST it to a text in the view, or make it numeric`,
    }]),
  ];
}
