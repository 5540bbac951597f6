import { quoted } from "../store/sqlite.ts";
import { type Dialect, dialects, textLiteral } from "../export/sql_dialect.ts";

/** How an engine writes what training needs beyond the expressions of a scorer. */
export interface EngineDialect extends Dialect {
  readonly bigint: (expression: string) => string;
  /** Returns the first 32 bits of the SHA-256 of a text's UTF-8, as an integer from 0 to 2^32 − 1. */
  readonly sha256Word: (text: string) => string;
  /** The hash of math/hash.ts, without its finish, where an engine can compute it. */
  readonly fnv?: {
    /** Returns the hash of a text that is not empty, of characters up to U+FFFF. */
    readonly word: (text: string) => string;
    /** Returns the condition that a text is another one. */
    readonly isUnfit: (text: string) => string;
  };
  /** Bits of integers that are not negative. */
  readonly bitAnd: (a: string, b: string) => string;
  readonly bitXor: (a: string, b: string) => string;
  readonly shiftRight: (a: string, bits: number) => string;
  /** Returns a time or a date as microseconds since 1970-01-01T00:00:00Z. */
  readonly micros: (expression: string) => string;
  /** Returns the condition that a time or a date is infinite, where they can be. */
  readonly isInfiniteTime?: (expression: string) => string;
  /** Whether texts are in the order of their UTF-8, so that those with the same beginning lie together. */
  readonly ordersByBytes: boolean;
  /** Returns a SELECT of the names and types of a relation's columns, in their order, with the engine's version in each row. */
  readonly columnsOf: (relation: Relation) => string;
  /** Ends a subquery whose expressions must be computed once, not in each place that uses them. */
  readonly fence: string;
  /** Returns the statement that keeps a SELECT's rows in a table. @param isShared Whether it is one of a schema, not a temporary one. */
  readonly createTable: (name: string, isShared: boolean, select: string) => string;
  /** Returns the statement by which the planner learns what a new table has; without it, PostgreSQL expects that a filter leaves few rows. */
  readonly analyse?: (name: string) => string;
  /**
   * Returns an expression of the value at an integer from 0, if that does not search.
   *
   * @param values Literals of doubles.
   */
  readonly elementAt?: (column: string, values: readonly string[]) => string;
  /** Whether a temporary table can be made, without a schema to write to. */
  readonly hasTemporaryTables: boolean;
}

/** A table or view by its name, and its schema if one was named. */
export interface Relation {
  readonly catalog?: string | undefined;
  readonly schema?: string | undefined;
  readonly name: string;
}

export function quotedRelation({ catalog, schema, name }: Relation): string {
  return [catalog, schema, name].filter((part) => part !== undefined).map(quoted).join(".");
}

const base = (name: string): Dialect => {
  const found = dialects.find((dialect) => dialect.name === name);
  if (!found) throw new Error(`no dialect ${name}`);
  return found;
};

const createTable = (kind: string) => (name: string, isShared: boolean, select: string) =>
  `CREATE ${isShared ? kind : "TEMPORARY "}TABLE ${name} AS\n${select}`;

/** @param version An expression. */
const columnsIn = (version: string, schema: string, catalog?: string) => (relation: Relation) => {
  const from = catalog === undefined ? "" : `${quoted(relation.catalog ?? catalog)}.`;
  return `SELECT column_name, data_type, ${version} FROM ${from}information_schema.columns WHERE table_name = ${
    textLiteral(relation.name)
  } AND table_schema = ${
    relation.schema === undefined ? schema : textLiteral(relation.schema)
  } ORDER BY ordinal_position`;
};

export const postgresDialect: EngineDialect = {
  ...base("PostgreSQL"),
  bigint: (expression) => `CAST(${expression} AS bigint)`,
  sha256Word: (text) =>
    `CAST(CAST('x' || substr(encode(sha256(convert_to(${text}, 'UTF8')), 'hex'), 1, 8) AS bit(32)) AS bigint)`,
  bitAnd: (a, b) => `(${a} & ${b})`,
  bitXor: (a, b) => `(${a} # ${b})`,
  shiftRight: (a, bits) => `(${a} >> ${bits})`,
  // The cast of an infinite one would fail before the row is refused.
  micros: (expression) =>
    `CASE WHEN isfinite(${expression}) THEN CAST(extract(epoch FROM ${expression}) * 1000000 AS bigint) END`,
  isInfiniteTime: (expression) => `NOT isfinite(${expression})`,
  ordersByBytes: false,
  // Not of information_schema, which leaves materialized views out. The names of types are those that it gives.
  columnsOf: (relation) =>
    `SELECT a.attname, CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY' WHEN n.nspname = 'pg_catalog' ` +
    `THEN format_type(b.oid, NULL) ELSE 'USER-DEFINED' END, current_setting('server_version') ` +
    `FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid ` +
    `JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END ` +
    `JOIN pg_namespace AS n ON n.oid = b.typnamespace ` +
    `WHERE a.attrelid = to_regclass(${
      textLiteral(quotedRelation(relation))
    }) AND a.attnum > 0 AND NOT a.attisdropped ` +
    `AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') ORDER BY a.attnum`,
  fence: " OFFSET 0",
  // Without a log; in contrast to a temporary table, several processes read it at once.
  createTable: createTable("UNLOGGED "),
  analyse: (name) => `ANALYZE ${name}`,
  elementAt: (column, values) => `(ARRAY[${values.join(",")}])[${column} + 1]`,
  hasTemporaryTables: true,
};

export const duckdbDialect: EngineDialect = {
  ...base("DuckDB"),
  bigint: (expression) => `CAST(${expression} AS BIGINT)`,
  sha256Word: (text) => `CAST('0x' || substr(sha256(${text}), 1, 8) AS BIGINT)`,
  bitAnd: (a, b) => `(${a} & ${b})`,
  bitXor: (a, b) => `xor(${a}, ${b})`,
  shiftRight: (a, bits) => `(${a} >> ${bits})`,
  micros: (expression) => `epoch_us(CAST(${expression} AS TIMESTAMP))`,
  ordersByBytes: true,
  columnsOf: columnsIn("version()", "current_schema()"),
  fence: "",
  createTable: createTable(""),
  hasTemporaryTables: true,
};

/** @param catalog,schema Those of the engine's URL. */
export function trinoDialect(catalog: string, schema: string): EngineDialect {
  return {
    ...base("Trino"),
    bigint: (expression) => `CAST(${expression} AS BIGINT)`,
    sha256Word: (text) => `from_base(substr(to_hex(sha256(to_utf8(${text}))), 1, 8), 16)`,
    fnv: {
      word: (text) =>
        `reduce(sequence(1, length(${text})), BIGINT '2166136261', (h, i) -> bitwise_and(bitwise_xor(h, CAST(codepoint(CAST(substr(${text}, i, 1) AS varchar(1))) AS bigint)) * 16777619, BIGINT '4294967295'), h -> h)`,
      isUnfit: (text) => `length(${text}) = 0 OR regexp_like(${text}, '[\\x{10000}-\\x{10FFFF}]')`,
    },
    bitAnd: (a, b) => `bitwise_and(${a}, ${b})`,
    bitXor: (a, b) => `bitwise_xor(${a}, ${b})`,
    shiftRight: (a, bits) => `bitwise_right_shift(${a}, ${bits})`,
    micros: (expression) => `CAST(round(to_unixtime(CAST(${expression} AS timestamp(6))) * 1E6) AS BIGINT)`,
    ordersByBytes: true,
    columnsOf: columnsIn(
      "(SELECT min(node_version) FROM system.runtime.nodes WHERE coordinator)",
      textLiteral(schema),
      catalog,
    ),
    fence: "",
    createTable: createTable(""),
    hasTemporaryTables: false,
  };
}
