import type { EngineDialect } from "./engine_dialect.ts";

/** A value of a result. Integers may come as text, since a double does not hold all of them. */
export type SqlValue = string | number | boolean | null;

/** Rows of a result, in the order of its columns. */
export type SqlRows = readonly (readonly SqlValue[])[];

/** Takes a row, which lies between two places in some bytes that are reused after the call. */
export type RowTaker = (bytes: Uint8Array, from: number, to: number) => void;

/** A database that holds the examples and computes sums over them. */
export interface SqlEngine {
  readonly dialect: EngineDialect;
  /** Its kind and address without a secret, for messages and the model's metadata. */
  readonly name: string;
  /**
   * Runs one statement.
   *
   * @param columns Number of the columns of a SELECT whose rows are few and may come in any order: an engine may then send them by
   *   column, in fewer bytes.
   * @throws {Failure} `engine-failed` with the engine's words and the head of the statement; `interrupted` after the signal, when
   *   the engine has been told to stop the statement.
   */
  query(statement: string, columns?: number): Promise<SqlRows>;
  /**
   * Gives each row of a SELECT in PostgreSQL's binary form of COPY to `add`, with the form's header before the first and its end after
   * the last. Absent where rows cannot be fetched fast.
   *
   * @throws {Failure} as `query`; what `add` throws, which stops the statement.
   */
  readonly copy?: (select: string, add: RowTaker) => Promise<void>;
  /**
   * Runs a statement after the signal, over another connection. Absent without a signal.
   *
   * @throws {Failure} as `query`.
   */
  readonly afterSignal?: (statement: string) => Promise<void>;
  close(): Promise<void>;
}

/** Time limit of a statement after the signal. */
const afterSignalSeconds = 30;

/**
 * Returns the member `afterSignal` of an engine.
 *
 * @param options The engine's.
 * @param open Opens it.
 */
export function afterSignalOf<Options extends { readonly signal?: AbortSignal | undefined }>(
  { signal, ...options }: Options,
  open: (options: Omit<Options, "signal"> & { readonly statementSeconds: number }) => SqlEngine,
): Pick<SqlEngine, "afterSignal"> {
  if (!signal) return {};
  return {
    async afterSignal(statement) {
      const engine = open({ ...options, statementSeconds: afterSignalSeconds });
      try {
        await engine.query(statement);
      } finally {
        await engine.close();
      }
    },
  };
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
