import { type InputColumn, inputColumnsOf } from "../examples/input_columns.ts";
import type { ValueType } from "../examples/level.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { Failure } from "../failure.ts";
import { textLiteral } from "../export/sql_dialect.ts";
import { quoted } from "../store/sqlite.ts";
import { type EngineDialect, quotedRelation, type Relation } from "./engine_dialect.ts";
import type { SqlEngine } from "./sql_engine.ts";

/** What a column of the view holds. */
type Kind = "integer" | "real" | "decimal" | "text" | "padded" | "boolean" | "time" | "other";

/** The view's columns that the spec names, with their kinds. */
export interface SourceColumns {
  readonly view: string;
  readonly kinds: ReadonlyMap<string, Kind>;
  /** The engine's. */
  readonly version: string;
}

const kindPatterns: readonly (readonly [RegExp, Kind])[] = [
  [/^(tinyint|smallint|integer|int|bigint|hugeint|u\w+int|usmallint|serial|bigserial)$/, "integer"],
  [/^(double|double precision|real|float|float4|float8)$/, "real"],
  [/^(numeric|decimal)/, "decimal"],
  // A cast of Trino's keeps the spaces, which are no part of the value; of PostgreSQL's, which has no length here, it does not.
  [/^char\(/, "padded"],
  [/^(varchar|character varying|text|char|character|bpchar|name|uuid|user-defined|enum)/, "text"],
  [/^bool/, "boolean"],
  [/^(date|timestamp)/, "time"],
];

/**
 * Reads the types of the view's columns.
 *
 * @throws {Failure} `examples-invalid` for a view that is not there, or that lacks a column of the spec; `spec-invalid` for a column
 *   of a type that cannot be read.
 */
export async function readSourceColumns(
  engine: SqlEngine,
  relation: Relation,
  spec: FeatureSpec,
): Promise<SourceColumns> {
  const rows = await engine.query(engine.dialect.columnsOf(relation));
  if (rows.length === 0) {
    throw new Failure(
      "examples-invalid",
      `${engine.name} has no table or view ${
        quotedRelation(relation)
      } that this user can read: name it with --view, as SCHEMA.NAME ` +
        "if it is in another schema, and spelled as it is there.",
    );
  }
  const kinds = new Map(rows.map(([name, type]) => [String(name), kindOf(String(type).toLowerCase())]));
  const wanted = [
    ...[spec.id, spec.label, spec.group, spec.weight, spec.time].filter((name) => name !== undefined),
    ...inputColumnsOf(spec.features).map(({ name }) => name),
  ];
  const absent = wanted.find((name) => !kinds.has(name));
  if (absent !== undefined) {
    throw new Failure(
      "examples-invalid",
      `${quotedRelation(relation)} has no column ${absent}, which the feature spec names. It has ${
        [...kinds.keys()].slice(0, 30).join(", ")
      }.`,
    );
  }
  for (const input of inputColumnsOf(spec.features)) requireReadable(input, kinds);
  requireRoles(spec, kinds);
  return { view: quotedRelation(relation), kinds, version: String(rows[0][2]) };
}

/** Returns what a model's metadata say of where its rows lie. */
export function engineRecord({ dialect }: Pick<SqlEngine, "dialect">, { view, version }: SourceColumns) {
  return { name: dialect.name, version, view };
}

function kindOf(type: string): Kind {
  return kindPatterns.find(([pattern]) => pattern.test(type))?.[1] ?? "other";
}

function requireReadable({ name, kind }: InputColumn, kinds: SourceColumns["kinds"]): void {
  const own = kinds.get(name);
  const allowed: readonly (Kind | undefined)[] = kind === "number"
    ? ["integer", "real", "decimal", "boolean", "time"]
    : ["integer", "real", "text", "boolean"];
  if (allowed.includes(own)) return;
  throw new Failure(
    "spec-invalid",
    kind === "number"
      ? `The feature ${name} is numeric, and its column in the view is no number: CAST it in the view, or make the feature categorical.`
      : own === "padded"
      ? `The feature ${name} has levels, and its column in the view is filled up with spaces: make it rtrim(CAST(${name} AS varchar)) there.`
      : `The feature ${name} has levels, and its column in the view is neither a text nor a whole number: CAST it to a text in the view.`,
  );
}

function requireRoles(
  { id, group, weight, time, label, positive }: FeatureSpec,
  kinds: SourceColumns["kinds"],
): void {
  const require = (name: string | undefined, allowed: readonly Kind[], what: string) => {
    const kind = name === undefined ? undefined : kinds.get(name);
    if (kind === undefined || allowed.includes(kind)) return;
    throw new Failure("spec-invalid", `The column ${name} is ${what}: CAST it in the view.`);
  };
  require(
    group,
    ["integer", "text"],
    "the group, and neither a text nor a whole number, which each engine spells alike",
  );
  require(
    id,
    ["integer", "real", "decimal", "text", "padded", "boolean", "time"],
    "the id, and of a type that cannot be one",
  );
  require(weight, ["integer", "real", "decimal"], "the weight, and no number");
  require(
    time,
    ["integer", "real", "decimal", "time"],
    "the time of a row, and neither a time nor a number of microseconds",
  );
  require(
    label,
    positive === undefined ? ["integer", "real", "decimal", "boolean"] : ["text", "integer", "boolean"],
    "the label, and of a type that cannot be one",
  );
}

/** Returns an expression of a column as a double, or NULL if it is missing. */
export function numberExpression(name: string, { kinds }: SourceColumns, dialect: EngineDialect): string {
  const column = quoted(name);
  const kind = kinds.get(name);
  if (kind === "time") return dialect.double(dialect.micros(column));
  if (kind === "boolean") return dialect.double(`CASE WHEN ${column} THEN 1 WHEN NOT ${column} THEN 0 END`);
  // PostgreSQL's decimals have them, too.
  if ((kind !== "real" && kind !== "decimal") || !dialect.isNaN) return dialect.double(column);
  return `CASE WHEN ${dialect.isNaN(column)} THEN NULL ELSE ${dialect.double(column)} END`;
}

/** Whole numbers up to it are exact as doubles. */
export const wholeMax = Number.MAX_SAFE_INTEGER;

/** Returns an expression of a column's level, or NULL if it is missing. A real number is a whole one, which is checked. */
export function levelExpression(name: string, { kinds }: SourceColumns, dialect: EngineDialect): string {
  const column = quoted(name);
  switch (kinds.get(name)) {
    case "boolean":
      return `CASE WHEN ${column} THEN '1' WHEN NOT ${column} THEN '0' END`;
    case "real": {
      const present = dialect.text(dialect.bigint(column));
      const absent = dialect.isNaN ? `${column} IS NULL OR ${dialect.isNaN(column)}` : `${column} IS NULL`;
      // Beyond, a cast would fail before the row is refused.
      return `CASE WHEN ${absent} OR ${
        dialect.isInvalid(column)
      } OR abs(${column}) > ${wholeMax} THEN NULL ELSE ${present} END`;
    }
    default:
      return dialect.text(column);
  }
}

/** Returns an expression of the label: 1, 0, NULL without one, or −1 for a value that cannot be a label. */
export function labelExpression(
  { label, positive }: FeatureSpec,
  { kinds }: SourceColumns,
  dialect: EngineDialect,
): string {
  const column = quoted(label);
  if (positive !== undefined) {
    const text = kinds.get(label) === "boolean"
      ? `CASE WHEN ${column} THEN '1' WHEN NOT ${column} THEN '0' END`
      : dialect.text(column);
    return `CASE WHEN ${column} IS NULL THEN NULL WHEN ${text} = ${textLiteral(positive)} THEN 1 ELSE 0 END`;
  }
  if (kinds.get(label) === "boolean") return `CASE WHEN ${column} THEN 1 WHEN NOT ${column} THEN 0 END`;
  return `CASE WHEN ${column} IS NULL THEN NULL WHEN ${column} = 1 THEN 1 WHEN ${column} = 0 THEN 0 ELSE -1 END`;
}

/** Returns the type of a column's levels. */
export function valueTypeIn(name: string, { kinds }: SourceColumns): ValueType {
  return kinds.get(name) === "text" ? "text" : "integer";
}
