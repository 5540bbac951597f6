import type { Buffer } from "node:buffer";
import type { EngineDialect } from "./engine_dialect.ts";

/** A value of a result. Integers may come as text, since a double does not hold all of them. */
export type SqlValue = string | number | boolean | null;

/** Rows of a result, in the order of its columns. */
export type SqlRows = readonly (readonly SqlValue[])[];

/** A database that holds the examples and computes sums over them. */
export interface SqlEngine {
  readonly dialect: EngineDialect;
  /** Its kind and address without a secret, for messages and the model's metadata. */
  readonly name: string;
  /**
   * Runs one statement.
   *
   * @throws {Failure} `engine-failed` with the engine's words and the head of the statement; `interrupted` after the signal, when
   *   the engine has been told to stop the statement.
   */
  query(statement: string): Promise<SqlRows>;
  /**
   * Returns the rows of a SELECT in PostgreSQL's binary form of COPY, in pieces of any length. Absent where rows cannot be fetched fast.
   *
   * @throws {Failure} as `query`.
   */
  readonly copy?: (select: string) => AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** @throws {Error} if the value is not a number. */
export function numberIn(value: SqlValue | undefined): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number") throw new Error(`expected a number, got ${JSON.stringify(value)}`);
  return number;
}

/** As `numberIn`; 0 for NULL, which is the sum of no rows. */
export function sumIn(value: SqlValue | undefined): number {
  return value === null ? 0 : numberIn(value);
}
