import postgres from "postgres";
import { readPostgresUrl } from "../model/postgres/address.ts";
import { clientSettings } from "../model/postgres/database.ts";
import { postgresDialect } from "./engine_dialect.ts";
import { engineFailure } from "./engine_failure.ts";
import { afterSignalOf, type RowTaker, type SqlEngine, type SqlRows, type SqlValue } from "./sql_engine.ts";

export interface PostgresOptions {
  readonly url: string;
  /** Certificates of the authority that signs the server's, PEM. */
  readonly ca?: string | undefined;
  /** Time limit of a statement. */
  readonly statementSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Memory of each sort and hash table, at least. By PostgreSQL's default of 4 MB, a join of a million rows is done in parts that are
 * written to files.
 */
const workMemory = "64MB";

/** Connections to one database, of which the first runs the statements. */
function openSession({ url, ca, statementSeconds }: PostgresOptions) {
  const address = readPostgresUrl(url, "engine");
  const [place] = address.place.split(", schema ");
  let taker: RowTaker | undefined;
  const connect = () => {
    const ending = new AbortController();
    const settings = clientSettings(address, {
      ...{ ca, signal: ending.signal },
      onCopied: (bytes, from, to) => taker?.(bytes, from, to),
    });
    const sql = postgres({
      ...settings,
      max: 1,
      idle_timeout: 0,
      connection: { ...settings.connection, statement_timeout: 1_000 * statementSeconds },
    });
    const end = () => {
      // The package says goodbye, and the server closes: there is nothing to wait for.
      sql.end({ timeout: 0 }).catch(() => {});
      ending.abort();
    };
    return { sql, end };
  };
  const { sql, end } = connect();
  let begun: Promise<number> | undefined;
  return {
    name: `PostgreSQL at ${place}`,
    sql,
    end,
    /** Gives the rows of copies to a function from here on. */
    give(rows: RowTaker | undefined): void {
      taker = rows;
    },
    /** Prepares the session, once. @returns The id of its process. */
    begin: () =>
      begun ??= sql.unsafe<{ pid: number }[]>(
        `SELECT pg_backend_pid() AS pid, CASE WHEN pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('${workMemory}') ` +
          `THEN set_config('work_mem', '${workMemory}', false) END AS memory`,
      ).then(([{ pid }]) => pid),
    /** Stops the running statement over another connection. Does not reject: the statement may have ended. */
    async cancel(pid: number): Promise<void> {
      const other = connect();
      try {
        await other.sql.unsafe(`SELECT pg_cancel_backend(${pid})`);
      } catch {
        // The server may be gone, and the statement with it.
      } finally {
        other.end();
      }
    },
  };
}

/**
 * Opens PostgreSQL on one connection, which owns the temporary tables.
 *
 * @throws {Failure} `usage-invalid` for a URL that cannot be used, which the message does not repeat.
 */
export function openPostgres(options: PostgresOptions): SqlEngine {
  const { signal } = options;
  const { name, sql, end, give, begin, cancel } = openSession(options);
  /** Runs a statement that is stopped by the signal, or by the function that `run` is given. */
  const running = async <Result>(
    statement: string,
    run: (stop: () => void) => Promise<Result>,
  ): Promise<Result> => {
    signal?.throwIfAborted();
    let stop = () => {};
    try {
      const pid = await begin();
      stop = () => void cancel(pid);
      signal?.addEventListener("abort", stop, { once: true });
      return await run(stop);
    } catch (error) {
      signal?.throwIfAborted();
      throw engineFailure(name, statement, wordsOf(error, options.statementSeconds));
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  };
  const copy = async (select: string, add: RowTaker): Promise<void> => {
    let fault: unknown;
    try {
      await running(select, async (stop) => {
        give((bytes, from, to) => {
          if (fault !== undefined) return;
          try {
            add(bytes, from, to);
          } catch (error) {
            fault = error;
            stop();
          }
        });
        const rows = await sql.unsafe(`COPY (${select}) TO STDOUT (FORMAT binary)`).readable();
        // Ends with the last row; it has none itself.
        for await (const _ of rows);
      });
    } catch (error) {
      throw fault ?? error;
    } finally {
      give(undefined);
    }
    if (fault !== undefined) throw fault;
  };
  return {
    dialect: postgresDialect,
    name,
    query: (statement) =>
      running(
        statement,
        async () => await sql.unsafe<Record<string, SqlValue>[]>(statement).values() as unknown as SqlRows,
      ),
    copy,
    ...afterSignalOf(options, openPostgres),
    close() {
      end();
      return Promise.resolve();
    },
  };
}

/** Returns what went wrong; of a statement that took too long, with the limit. */
function wordsOf(error: unknown, statementSeconds: number): string {
  const words = error instanceof Error ? error.message : String(error);
  return /statement timeout/.test(words)
    ? `no result in ${statementSeconds} s, the limit of --statement-timeout`
    : words;
}
