import postgres from "postgres";
import type { Duplex } from "node:stream";
import { quoted } from "../../store/sqlite.ts";
import type { RegistryRow } from "../registry_rules.ts";
import type { PostgresAddress } from "./address.ts";
import { ConnectionFault, openConnection } from "./connection.ts";
import type { CopiedRows } from "./frame_check.ts";
import { databaseFailure, endsSession, LateAnswer } from "./database_failure.ts";

/** Runs statements, alone or in a transaction. */
export interface Queries {
  /** The registry's schema, quoted. */
  readonly schema: string;
  /** Runs one statement with its values `$1`, `$2` …; without values, several, of which the last one's rows are returned. */
  all(text: string, values?: readonly (string | number | null)[]): Promise<readonly RegistryRow[]>;
}

/** What a failure tells of the work that failed. */
export interface WorkOptions {
  /** As in `Cannot ${action}`. */
  readonly action: string;
  readonly limitMs: number;
}

/** Connections to one database. They are opened when they are needed. */
export interface Database {
  readonly address: PostgresAddress;
  /** Runs work whose statements are separate. @throws {Failure} as {@link databaseFailure}; what the work throws. */
  run<T>(options: WorkOptions, work: (queries: Queries) => Promise<T>): Promise<T>;
  /**
   * Runs work in one transaction, which is rolled back if the work throws or the limit passes.
   *
   * @throws {Failure} as `run`; the message says if the change may have been made.
   */
  transact<T>(options: WorkOptions, work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): void;
}

export interface DatabaseOptions {
  readonly address: PostgresAddress;
  /** Certificates in PEM. */
  readonly ca?: string | undefined;
  readonly connectionsMax: number;
  /** Called with a notification for the registry's schema. */
  readonly onNotice?: () => void;
}

/** A connection that no work uses is closed after this time, unless it listens. */
const idleSeconds = 30;

/** A session is given up as a whole when a connection of it fails: the next work begins with a new one. */
interface Session {
  readonly sql: postgres.Sql;
  giveUp(): void;
}

export function createDatabase(options: DatabaseOptions): Database {
  const { address } = options;
  let session: Session | undefined;

  async function limited<T>(
    { action, limitMs }: WorkOptions,
    work: (sql: postgres.Sql) => Promise<T>,
    isCommitting: () => boolean = () => false,
  ): Promise<T> {
    const used = session ??= createSession(options);
    try {
      return await within(limitMs, work(used.sql));
    } catch (error) {
      if (endsSession(error)) {
        used.giveUp();
        if (session === used) session = undefined;
      }
      throw databaseFailure(error, { action, place: address.place, isCommitting: isCommitting() });
    }
  }

  return {
    address,
    run: (work, run) => limited(work, (sql) => run(queriesOf(sql, address))),
    transact(work, run) {
      let committing = false;
      return limited(
        work,
        async (sql) =>
          (await sql.begin("isolation level read committed", async (transaction) => {
            const result = await run(queriesOf(transaction, address));
            committing = true;
            // In an object: the package would await the members of an array.
            return { result };
          })).result,
        () => committing,
      );
    },
    close() {
      session?.giveUp();
      session = undefined;
    },
  };
}

function queriesOf(sql: postgres.Sql | postgres.TransactionSql, { schema }: PostgresAddress): Queries {
  return {
    schema: quoted(schema),
    async all(text, values = []) {
      const answer: unknown = await sql.unsafe<RegistryRow[]>(text, [...values]).catch(ofServer);
      const results = answer as readonly RegistryRow[] | readonly (readonly RegistryRow[])[];
      const last = results.at(-1);
      return Array.isArray(last) ? last : results as readonly RegistryRow[];
    },
  };
}

/** Makes of an error that the package meets in a server's answer one of the connection. */
function ofServer(error: unknown): never {
  throw error instanceof TypeError || error instanceof RangeError
    ? new ConnectionFault("its answer makes no sense", false)
    : error;
}

/** The channel of all registries of a database: the payload is the schema. */
export const channel = "clickwell";

/** Settings that the package would look for in the environment. */
const unset: object = {
  max_lifetime: null,
  max_pipeline: 100,
  keep_alive: null,
  sslnegotiation: null,
  target_session_attrs: null,
  debug: false,
  publications: "",
};

/**
 * Returns the settings of the package for an address: it looks for nothing in the environment, and connections are opened, encrypted and
 * checked by this program.
 *
 * @param options.signal Ends attempts to connect.
 */
export function clientSettings(
  address: PostgresAddress,
  { ca, signal, onCopied, onStream }: {
    readonly ca?: string | undefined;
    readonly signal: AbortSignal;
    readonly onCopied?: CopiedRows;
    readonly onStream?: (stream: Duplex) => void;
  },
) {
  return {
    host: address.hostname,
    port: address.port,
    database: address.database,
    user: address.user,
    // A function, so that an empty one is not looked for elsewhere.
    password: () => address.password,
    ...unset,
    // A session is replaced as a whole.
    backoff: () => 0,
    connect_timeout: 10,
    // Behind pgbouncer, the next statement may run on another connection.
    prepare: false,
    fetch_types: false,
    ssl: false,
    connection: { application_name: "clickwell" },
    onnotice: () => {},
    socket: async () => {
      const stream = await openConnection(address, { ca, signal, onCopied });
      onStream?.(stream);
      if (signal.aborted) stream.destroy();
      return stream;
    },
  };
}

function createSession({ address, ca, connectionsMax, onNotice }: DatabaseOptions): Session {
  const streams = new Set<Duplex>();
  const ending = new AbortController();
  const onStream = (stream: Duplex) => {
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
  };
  // A constant, since the type of the options lacks `onnotify`.
  const settings = {
    ...clientSettings(address, { ca, signal: ending.signal, onStream }),
    max: connectionsMax,
    idle_timeout: onNotice ? 0 : idleSeconds,
    onnotify: (name: string, payload: string) => {
      if (name === channel && payload === address.schema) onNotice?.();
    },
  };
  const sql = postgres(settings);
  return {
    sql,
    giveUp() {
      ending.abort();
      sql.end({ timeout: 0 }).catch(() => {});
      // Not closed by the package while they wait for an answer.
      setTimeout(() => {
        for (const stream of streams) stream.destroy();
      }, 0);
    },
  };
}

/** Waits for a promise for some time. @throws {LateAnswer} */
export async function within<T>(limitMs: number, done: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateAnswer(limitMs)), limitMs);
  });
  // What comes too late is of no interest.
  done.catch(() => {});
  try {
    return await Promise.race([done, passed]);
  } finally {
    clearTimeout(timer);
  }
}
