import { setTimeout } from "node:timers/promises";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import { trinoDialect } from "./engine_dialect.ts";
import { engineFailure } from "./engine_failure.ts";
import { afterSignalOf, type SqlEngine, type SqlRows, type SqlValue } from "./sql_engine.ts";
import { byColumn, connectTrino, postedStatement, rowsOf, type TrinoConnection } from "./trino_connection.ts";

export interface TrinoOptions {
  readonly origin: string;
  readonly catalog: string;
  readonly schema: string;
  readonly user: string;
  readonly password?: string | undefined;
  /** Time limit of a statement. */
  readonly statementSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** What the server answers about a statement. @see https://trino.io/docs/current/develop/client-protocol.html */
interface Answer {
  readonly nextUri?: string;
  /** Values; arrays of them in the one row of a result by column. */
  readonly data?: readonly (readonly unknown[])[];
  readonly error?: { readonly message: string; readonly errorName: string };
}

/** Waits after answers that the server is busy, in milliseconds. */
const busyWaits = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000];
/**
 * Pause before a question about a running statement, as a share of the time since it was sent: each answer is a kilobyte of its
 * progress. The server itself holds a question back until there are rows, for a second.
 */
const pauseShare = 0.25;
const pauseMsMax = 5_000;
/** Pause before the first such question, as a share of the time of the statement before: those of a training are alike. */
const firstShare = 0.5;
/** Time from which on a statement waits in a queue of the server. */
const queuedMs = 1_000;
/** Pause after a page of rows: those of all the workers then come in one. */
const pageMs = 50;
/** Answers to headers that are too long: nginx has another one than the standard. */
const tooLong = [431, 400];
/** Longest wait for one answer: the server holds requests back for a second or so. */
const answerMs = 60_000;

/** Exchanges with a server. Nothing is sent before the first one. */
function openSession({ origin, user, password, signal }: TrinoOptions, name: string) {
  const headers = {
    "x-trino-user": user,
    ...(password === undefined ? {} : { authorization: `Basic ${basic(user, password)}` }),
  };
  let connecting: Promise<TrinoConnection> | undefined;
  const connect = () => connecting ??= connectTrino(origin, headers, signal);
  const exchange = async (url: string, init: RequestInit) => {
    const { client } = await connect();
    const own = { ...headers, ...init.headers };
    return await fetch(url, { ...init, headers: own, redirect: "manual", ...(client ? { client } : {}) });
  };
  return {
    connect,
    /**
     * @param plain What is sent in place of a request whose headers are too long, for the server or what lies before it.
     * @throws {Failure} `engine-failed` with the server's words.
     */
    async ask(url: string, init: RequestInit, statement: string, plain?: RequestInit): Promise<Answer> {
      for (const wait of [...busyWaits, undefined]) {
        const limit = AbortSignal.timeout(answerMs);
        const response = await exchange(url, {
          ...init,
          signal: signal ? AbortSignal.any([signal, limit]) : limit,
        });
        if (response.ok) return parseJsonOfDoubles(await response.text());
        const words = (await response.text()).slice(0, 300).trim();
        if (plain && tooLong.includes(response.status)) return await this.ask(url, plain, statement);
        const isBusy = [429, 502, 503, 504].includes(response.status);
        if (!isBusy || wait === undefined) {
          throw engineFailure(
            name,
            statement,
            `status ${response.status}${words === "" ? "" : `: ${words}`}`,
          );
        }
        await pause(wait, signal);
      }
      throw new Error("the last wait ends the loop");
    },
    /** Tells the server to stop a statement. Does not throw: it also stops by itself when it is not asked for more. */
    async cancel(url: string): Promise<void> {
      try {
        const response = await exchange(url, { method: "DELETE", signal: AbortSignal.timeout(2_000) });
        await response.body?.cancel();
      } catch {
        // The server may be gone.
      }
    },
    async close(): Promise<void> {
      const { client } = await connecting ?? {};
      client?.close();
    },
  };
}

/** Opens Trino by its HTTP protocol. Nothing is sent before the first statement. */
export function openTrino(options: TrinoOptions): SqlEngine {
  const { origin, catalog, schema, statementSeconds, signal } = options;
  const name = `Trino at ${origin}`;
  const session = openSession(options, name);
  // Those of a session come with its statement alone.
  const sessionHeaders = {
    "x-trino-catalog": catalog,
    "x-trino-schema": schema,
    "x-trino-source": "clickwell",
  };
  let lastMs = 0;
  const send = async (statement: string): Promise<NonNullable<Answer["data"]>> => {
    signal?.throwIfAborted();
    const rows: NonNullable<Answer["data"]>[number][] = [];
    const start = performance.now();
    const end = start + 1_000 * statementSeconds;
    let next: string | undefined;
    let isRunning = false;
    try {
      const plain = { method: "POST", body: statement, headers: sessionHeaders };
      const posted = postedStatement(statement, await session.connect());
      let answer = await session.ask(
        `${origin}/v1/statement`,
        posted ? { ...plain, body: posted.body, headers: { ...sessionHeaders, ...posted.headers } } : plain,
        statement,
        posted ? plain : undefined,
      );
      for (;;) {
        if (answer.error) {
          throw engineFailure(name, statement, `${answer.error.errorName}: ${answer.error.message}`);
        }
        if (answer.data) rows.push(...answer.data);
        next = answer.nextUri === undefined ? undefined : onServer(answer.nextUri, origin);
        const elapsed = performance.now() - start;
        if (next === undefined) {
          lastMs = elapsed;
          return rows;
        }
        if (performance.now() > end) {
          throw engineFailure(
            name,
            statement,
            `no result in ${statementSeconds} s, the limit of --statement-timeout`,
          );
        }
        const wasRunning = isRunning;
        isRunning = next.includes("/executing/");
        const wanted = isRunning && !wasRunning ? firstShare * lastMs : pauseShare * elapsed;
        // The first questions are what sets it going.
        if (isRunning || elapsed > queuedMs) {
          await pause(Math.min(answer.data ? pageMs : pauseMsMax, wanted), signal);
        }
        answer = await session.ask(next, { method: "GET" }, statement);
      }
    } catch (error) {
      if (next !== undefined) await session.cancel(next);
      signal?.throwIfAborted();
      throw error instanceof Failure ? error : engineFailure(name, statement, wordsOf(error));
    }
  };
  return {
    dialect: trinoDialect(catalog, schema),
    name,
    async query(statement, columns) {
      if (columns === undefined) return await send(statement) as SqlRows;
      const [own] = await send(byColumn(statement, columns)) as readonly (readonly (SqlValue[] | null)[])[];
      return rowsOf(own);
    },
    ...afterSignalOf(options, openTrino),
    close: session.close,
  };
}

/** The address of the next answer on the server that was named: behind a proxy it may know itself by another. */
function onServer(nextUri: string, origin: string): string {
  const { pathname, search } = new URL(nextUri);
  return `${origin}${pathname}${search}`;
}

/** Waits, or until the signal. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
}

function basic(user: string, password: string): string {
  return new TextEncoder().encode(`${user}:${password}`).toBase64();
}

/** Returns what went wrong. Newer runtimes tell the reason of a request that failed in its cause. */
function wordsOf(error: unknown): string {
  const found = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const words = found instanceof Error ? found.message : String(found);
  if (/connection refused/i.test(words)) return "nothing listens there";
  if (/dns error|name or service/i.test(words)) return "the host's name is unknown";
  return words.replace(/^error sending request for url \(\S+\): /, "");
}
