import { inputColumnsOf } from "../examples/input_columns.ts";
import type { ReadSpec } from "../examples/spec.ts";
import { usageInvalid } from "../failure.ts";
import { quoted } from "../store/sqlite.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { labelExpression, numberExpression, type SourceColumns, wholeMax } from "./source_columns.ts";

export interface Check {
  readonly where: string;
  /** What such rows have. */
  readonly what: string;
}

/** Returns the checks of a row that has a label and a weight other than 0. */
export function checksOf(
  spec: ReadSpec,
  source: SourceColumns,
  dialect: EngineDialect,
  groups: "hashed" | "texts",
): Check[] {
  return [
    ...roleChecks(spec, source, dialect, groups),
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
}

function roleChecks(
  spec: ReadSpec,
  source: SourceColumns,
  dialect: EngineDialect,
  groups: "hashed" | "texts",
): Check[] {
  const { id, label, weight, group, positive } = spec;
  return [
    ...(positive === undefined && source.kinds.get(label) !== "boolean"
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
    { where: `${quoted(id)} IS NULL`, what: `no ${id}, expected an id` },
    ...(spec.time === undefined ? [] : infiniteChecks(spec.time, source.kinds.get(spec.time), dialect)),
    ...(spec.splitHash === "sha256" || groups === "texts" ? [] : [{
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
  const own = kinds.get(name);
  const infinite = infiniteChecks(name, own, dialect);
  if (own !== "real") return infinite;
  const isFinite = dialect.isNaN
    ? `${column} IS NOT NULL AND NOT (${dialect.isNaN(column)}) AND NOT (${dialect.isInvalid(column)})`
    : `${column} IS NOT NULL AND NOT (${dialect.isInvalid(column)})`;
  return [
    ...infinite,
    ...(kind === "number" ? [] : [{
      where:
        `CASE WHEN ${isFinite} THEN ${column} <> floor(${column}) OR abs(${column}) > ${wholeMax} ELSE 1 = 0 END`,
      what:
        `a ${name} with decimals as a level, which engines spell differently: CAST it to a text in the view, or make it numeric`,
    }]),
  ];
}

/** Returns the check of a column whose type has infinite values. */
function infiniteChecks(
  name: string,
  kind: ReturnType<SourceColumns["kinds"]["get"]>,
  { isInvalid, isInfiniteTime }: EngineDialect,
): Check[] {
  const isInfinite = kind === "time"
    ? isInfiniteTime
    : kind === "real" || kind === "decimal"
    ? isInvalid
    : undefined;
  return isInfinite ? [{ where: isInfinite(quoted(name)), what: `a ${name} that is infinite` }] : [];
}

/** Returns the hash of a training on a store. @throws {Failure} `usage-invalid` if the engine cannot compute it. */
export function fnvOf(fnv: EngineDialect["fnv"]): NonNullable<EngineDialect["fnv"]> {
  if (fnv) return fnv;
  throw usageInvalid(
    "--split-hash fnv runs on Trino alone: leave it out, for sha256, which every engine computes.",
  );
}
