import { setTimeout } from "node:timers/promises";
import { Failure } from "../failure.ts";
import { trinoDialect } from "./engine_dialect.ts";
import { engineFailure } from "./engine_failure.ts";
import type { SqlEngine, SqlRows, SqlValue } from "./sql_engine.ts";

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
  readonly data?: SqlRows;
  readonly error?: { readonly message: string; readonly errorName: string };
}

/** Waits after answers that the server is busy, in milliseconds. */
const busyWaits = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000];
/** Pause before the next question about a statement, as a share of the time since it was sent: each answer is a kilobyte of its progress. */
const pauseShare = 0.25;
const pauseMsMax = 2_000;
/** The same after a page of rows: those of all the workers then come in one. */
const pageMs = 50;
/** Longest wait for one answer: the server holds requests back for a second or so. */
const answerMs = 60_000;

/** Opens Trino by its HTTP protocol. Nothing is sent before the first statement. */
export function openTrino(options: TrinoOptions): SqlEngine {
  const { origin, catalog, schema, user, password, statementSeconds, signal } = options;
  const name = `Trino at ${origin}`;
  const headers = {
    "x-trino-user": user,
    ...(password === undefined ? {} : { authorization: `Basic ${basic(user, password)}` }),
  };
  // Those of a session come with its statement alone.
  const firstHeaders = {
    ...headers,
    "x-trino-catalog": catalog,
    "x-trino-schema": schema,
    "x-trino-source": "clickwell",
  };
  const ask = async (url: string, init: RequestInit, statement: string): Promise<Answer> => {
    for (const wait of [...busyWaits, undefined]) {
      const limit = AbortSignal.timeout(answerMs);
      const response = await fetch(url, {
        headers,
        ...init,
        redirect: "manual",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      if (response.ok) return await response.json();
      const words = (await response.text()).slice(0, 300).trim();
      const isBusy = [429, 502, 503, 504].includes(response.status);
      if (!isBusy || wait === undefined) {
        throw engineFailure(name, statement, `status ${response.status}${words === "" ? "" : `: ${words}`}`);
      }
      await pause(wait, signal);
    }
    throw new Error("the last wait ends the loop");
  };
  const query = async (statement: string): Promise<SqlRows> => {
    signal?.throwIfAborted();
    const rows: (readonly SqlValue[])[] = [];
    const start = performance.now();
    const end = start + 1_000 * statementSeconds;
    let next: string | undefined;
    try {
      let answer = await ask(`${origin}/v1/statement`, {
        method: "POST",
        body: statement,
        headers: firstHeaders,
      }, statement);
      for (;;) {
        if (answer.error) {
          throw engineFailure(name, statement, `${answer.error.errorName}: ${answer.error.message}`);
        }
        if (answer.data) rows.push(...answer.data);
        next = answer.nextUri === undefined ? undefined : onServer(answer.nextUri, origin);
        if (next === undefined) return rows;
        if (performance.now() > end) {
          throw engineFailure(
            name,
            statement,
            `no result in ${statementSeconds} s, the limit of --statement-timeout`,
          );
        }
        const most = answer.data ? pageMs : pauseMsMax;
        await pause(Math.min(most, pauseShare * (performance.now() - start)), signal);
        answer = await ask(next, { method: "GET" }, statement);
      }
    } catch (error) {
      if (next !== undefined) await cancel(next, headers);
      signal?.throwIfAborted();
      throw error instanceof Failure ? error : engineFailure(name, statement, wordsOf(error));
    }
  };
  return {
    dialect: trinoDialect(catalog, schema),
    name,
    query,
    close: () => Promise.resolve(),
  };
}

/** The address of the next answer on the server that was named: behind a proxy it may know itself by another. */
function onServer(nextUri: string, origin: string): string {
  const { pathname, search } = new URL(nextUri);
  return `${origin}${pathname}${search}`;
}

/** Tells the server to stop a statement. Does not throw: it also stops by itself when it is not asked for more. */
async function cancel(url: string, headers: HeadersInit): Promise<void> {
  try {
    const response = await fetch(url, { method: "DELETE", headers, signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
  } catch {
    // The server may be gone.
  }
}

/** Waits, or until the signal. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
}

function basic(user: string, password: string): string {
  return new TextEncoder().encode(`${user}:${password}`).toBase64();
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
