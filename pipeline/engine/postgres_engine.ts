import type { Buffer } from "node:buffer";
import postgres from "postgres";
import { readPostgresUrl } from "../model/postgres/address.ts";
import { clientSettings } from "../model/postgres/database.ts";
import { postgresDialect } from "./engine_dialect.ts";
import { engineFailure } from "./engine_failure.ts";
import type { SqlEngine, SqlRows, SqlValue } from "./sql_engine.ts";

export interface PostgresOptions {
  readonly url: string;
  /** Certificates of the authority that signs the server's, PEM. */
  readonly ca?: string | undefined;
  /** Time limit of a statement. */
  readonly statementSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens PostgreSQL on one connection, which owns the temporary tables.
 *
 * @throws {Failure} `usage-invalid` for a URL that cannot be used, which the message does not repeat.
 */
export function openPostgres({ url, ca, statementSeconds, signal }: PostgresOptions): SqlEngine {
  const address = readPostgresUrl(url, "engine");
  const [place] = address.place.split(", schema ");
  const name = `PostgreSQL at ${place}`;
  const connect = () => {
    const ending = new AbortController();
    const settings = clientSettings(address, { ca, signal: ending.signal, copies: true });
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
  let session: Promise<number> | undefined;
  const sessionId = () =>
    session ??= sql.unsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid").then(([{ pid }]) => pid);
  /** Stops the running statement over another connection. Does not reject: the statement may have ended. */
  const cancel = async (pid: number) => {
    const other = connect();
    try {
      await other.sql.unsafe(`SELECT pg_cancel_backend(${pid})`);
    } catch {
      // The server may be gone, and the statement with it.
    } finally {
      other.end();
    }
  };
  const failed = (error: unknown, statement: string) => {
    signal?.throwIfAborted();
    return engineFailure(name, statement, error instanceof Error ? error.message : String(error));
  };
  const query = async (statement: string): Promise<SqlRows> => {
    signal?.throwIfAborted();
    let stop = () => {};
    try {
      const pid = await sessionId();
      stop = () => void cancel(pid);
      signal?.addEventListener("abort", stop, { once: true });
      return await sql.unsafe<Record<string, SqlValue>[]>(statement).values() as unknown as SqlRows;
    } catch (error) {
      throw failed(error, statement);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  };
  async function* copy(select: string): AsyncGenerator<Buffer> {
    signal?.throwIfAborted();
    try {
      yield* await sql.unsafe(`COPY (${select}) TO STDOUT (FORMAT binary)`).readable();
    } catch (error) {
      throw failed(error, select);
    }
  }
  return {
    dialect: postgresDialect,
    name,
    query,
    copy,
    close() {
      end();
      return Promise.resolve();
    },
  };
}
