import { Failure } from "../failure.ts";

/** How a database writes the expressions of a scorer. */
export interface Dialect {
  readonly name: string;
  /** Name of its file in an export. */
  readonly file: string;
  /** Maximum number of tables that one SELECT joins to its rows. */
  readonly joinsMax: number;
  /** Maximum length of a statement, in characters. */
  readonly lengthMax: number;
  /** Returns a literal of a double. */
  readonly number: (value: number) => string;
  /** Returns an expression as a double. */
  readonly double: (expression: string) => string;
  readonly text: (expression: string) => string;
  /** Returns the condition that a column of numbers is NaN, which counts as missing; undefined if there is no NaN. */
  readonly isNaN?: (expression: string) => string;
  /** Returns the condition that a column of numbers is infinite, or not a number. */
  readonly isInvalid: (expression: string) => string;
  /** Returns ln(1 + x). @param x An expression that is at least 0. */
  readonly log1p: (x: string) => string;
  /**
   * Begins the definition of a table of a WITH, which must be computed once: expanded in place, it would be computed for each use of
   * its columns.
   */
  readonly once: "AS MATERIALIZED" | "AS";
  /** Returns a SELECT of the columns `id` and `probability` from the table `summed` of `id` and `logit`. */
  readonly probability: (id: string) => string;
}

/** A literal with an exponent is a double in SQLite, DuckDB and Trino; without one it may be a decimal. */
const withExponent = (value: number) => value < 0 ? `(${value.toExponential()})` : value.toExponential();

/** The log-odds are limited, since e^x beyond is an error in PostgreSQL. A CASE keeps NULL, which an invalid field gives. */
function byExp(number: Dialect["number"]): Dialect["probability"] {
  const limited = `CASE WHEN logit > ${number(700)} THEN ${number(700)} WHEN logit < ${number(-700)} THEN ${
    number(-700)
  } ELSE logit END`;
  return (id) =>
    `SELECT ${id}, ${number(1)} / (${number(1)} + exp(-(${limited}))) AS probability
FROM summed`;
}

const double = (type: string) => (expression: string) => `CAST(${expression} AS ${type})`;

const postgresNumber = (value: number) => `double precision '${value.toExponential()}'`;

export const dialects: readonly Dialect[] = [
  {
    name: "SQLite",
    once: "AS MATERIALIZED",
    file: "score.sqlite.sql",
    joinsMax: 50,
    lengthMax: 1e9,
    number: withExponent,
    double: (expression) => `(${expression} + 0e0)`,
    // A result of an operator has no affinity; with one, SQLite could not use an index of a table of values.
    text: (expression) => `(CAST(${expression} AS TEXT) || '')`,
    isInvalid: (expression) =>
      `typeof(${expression}) IN ('text', 'blob') OR abs(${expression}) > 1.7976931348623157e308`,
    log1p: sqliteLog1p,
    probability: sqliteProbability,
  },
  {
    name: "DuckDB",
    once: "AS MATERIALIZED",
    file: "score.duckdb.sql",
    joinsMax: 200,
    lengthMax: 1e9,
    number: withExponent,
    double: double("DOUBLE"),
    text: double("VARCHAR"),
    isNaN: (expression) => `isnan(CAST(${expression} AS DOUBLE))`,
    isInvalid: (expression) => `isinf(CAST(${expression} AS DOUBLE))`,
    log1p: (x) => `ln(1e0 + ${x})`,
    probability: byExp(withExponent),
  },
  {
    name: "PostgreSQL",
    once: "AS MATERIALIZED",
    file: "score.postgres.sql",
    joinsMax: 200,
    lengthMax: 1e9,
    number: postgresNumber,
    double: double("double precision"),
    text: double("text"),
    isNaN: (expression) => `CAST(${expression} AS double precision) = double precision 'NaN'`,
    isInvalid: (expression) =>
      `CAST(${expression} AS double precision) IN (double precision 'Infinity', double precision '-Infinity')`,
    log1p: (x) => `ln(${postgresNumber(1)} + ${x})`,
    probability: byExp(postgresNumber),
  },
  {
    name: "Trino",
    once: "AS",
    file: "score.trino.sql",
    joinsMax: 50,
    lengthMax: 1_000_000,
    number: (value) => withExponent(value).toUpperCase(),
    double: double("DOUBLE"),
    text: double("VARCHAR"),
    isNaN: (expression) => `is_nan(CAST(${expression} AS DOUBLE))`,
    isInvalid: (expression) => `is_infinite(CAST(${expression} AS DOUBLE))`,
    log1p: (x) => `ln(1E0 + ${x})`,
    probability: byExp((value) => withExponent(value).toUpperCase()),
  },
];

/** Returns the literal of a text. @throws {Failure} `input-invalid` for a text that a database cannot hold. */
export function textLiteral(text: string): string {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw cannotSay(`the level ${JSON.stringify(text.slice(0, 60))}, which is no text of a database`);
  }
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns the failure of a model that cannot be written in SQL. */
export function cannotSay(what: string): Failure {
  return new Failure("input-invalid", `SQL cannot express ${what}`);
}

const ln2 = "6.931471805599453e-1";

/**
 * Many builds of SQLite lack the mathematical functions. Here 1 + x is divided by powers of 2 until it is below 2, in three steps; then
 * ln m = 2·artanh((m − 1) / (m + 1)), a short series. The
 * aggregates, each of one row, keep SQLite from expanding the subqueries in place.
 */
function sqliteLog1p(x: string): string {
  const step = (bits: number, count: number) => {
    const cases = (value: (k: number) => string) =>
      `CASE ${
        Array.from({ length: count - 1 }, (_, i) => count - 1 - i)
          .map((k) => `WHEN m >= ${(2 ** (bits * k)).toExponential()} THEN ${value(k)}`).join(" ")
      } ELSE ${value(0)} END`;
    return {
      exponent: cases((k) => String(bits * k)),
      mantissa: `m / ${cases((k) => (2 ** (bits * k)).toExponential())}`,
    };
  };
  const steps = [step(128, 8), step(16, 8), step(1, 16)];
  const rows = steps.reduce(
    (from, { exponent, mantissa }) =>
      `SELECT max(n + ${exponent}) AS n, max(${mantissa}) AS m FROM (${from})`,
    `SELECT 0e0 AS n, 1e0 + ${x} AS m`,
  );
  const series = Array.from({ length: 14 }, (_, i) => 2 * (13 - i) + 1)
    .reduce(
      (sum, power) =>
        sum === "" ? `${(1 / power).toExponential()}` : `(${(1 / power).toExponential()} + s * s * ${sum})`,
      "",
    );
  return `(SELECT n * ${ln2} + 2e0 * s * ${series} FROM (SELECT max(n) AS n, max((m - 1e0) / (m + 1e0)) AS s FROM (${rows})))`;
}

/** e^−a = 2^−k · e^r with r = k·ln 2 − a, |r| ≤ ln 2 / 2. Beyond 40 the probability is 0 or 1 to 17 digits. */
function sqliteProbability(id: string): string {
  const series = Array.from({ length: 14 }, (_, i) => 14 - i)
    .reduce((sum, n) => `(1e0 + r * ${(1 / n).toExponential()} * ${sum})`, "1e0");
  return [
    `SELECT ${id}, CASE WHEN logit >= 0e0 THEN 1e0 / (1e0 + e) ELSE e / (1e0 + e) END AS probability`,
    `FROM (SELECT ${id}, logit, ${series} / (1 << k) AS e`,
    `FROM (SELECT ${id}, logit, k, k * ${ln2} - a AS r`,
    `FROM (SELECT ${id}, logit, a, CAST(a / ${ln2} + 5e-1 AS INTEGER) AS k`,
    `FROM (SELECT ${id}, logit, min(abs(logit), 40e0) AS a FROM summed))))`,
  ].join("\n");
}
