import { Failure } from "../failure.ts";

/** A request whose body is in memory, so that it can be sent again. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ExchangeOptions {
  /** What is done, for messages: "read s3://bucket/key". */
  readonly action: string;
  /**
   * Whether another request is sent while the first ones have not been answered. For reads: after a partition of the network, a
   * request that was sent during it may never be answered.
   */
  readonly hedged?: boolean;
  readonly timing?: Partial<Timing>;
}

/** How long is waited; times in milliseconds. */
export interface Timing {
  /** From the start of a request to the head of its answer, and from there to its end; plus a second per {@link bytesPerSecond}. */
  readonly requestMs: number;
  /** After this time, no further request is sent; a hedged one fails then, unless the head of an answer has come. */
  readonly totalMs: number;
  /** After this time without an answer, a read is sent again. */
  readonly hedgeMs: number;
  /** Before the first repetition; doubled for each further one. */
  readonly backoffMs: number;
  /** After this number of failures, no further request is sent. */
  readonly failuresMax: number;
  /** Aborted when the store is closed: calls that wait fail at once. */
  readonly closed?: AbortSignal;
}

export const defaultTiming: Timing = {
  requestMs: 4_000,
  totalMs: 8_000,
  hedgeMs: 1_000,
  backoffMs: 100,
  failuresMax: 5,
};

/** Time limits of a question whose answer is not worth waiting for. */
export const quickTiming: Partial<Timing> = {
  requestMs: 2_000,
  totalMs: 2_000,
  hedgeMs: 500,
  failuresMax: 3,
};

/** The slowest transfer that is waited for. */
const bytesPerSecond = 1e6;
/** The largest answer in bytes. */
const bytesMax = 256 * 2 ** 20;
/** Statuses of a server that may answer otherwise when it is asked again. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Sends a request until it is answered, again after a failure of the connection, a time limit, and a status that passes.
 * Redirects are not followed: they could lead to another host with credentials.
 *
 * @param sign Makes the request; called for each attempt, since signatures have a time.
 * @throws {Failure} `artifacts-unavailable`, at most about `totalMs + requestMs` after the call, if nothing is transferred.
 */
export function exchange(sign: () => Promise<Sent>, options: ExchangeOptions): Promise<Answer> {
  const timing = { ...defaultTiming, ...options.timing };
  const startedAt = performance.now();
  const finished = new AbortController();
  return new Promise((resolve, reject) => {
    const attempts: Promise<void>[] = [];
    let failures = 0;
    let running = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let reason = "no answer";
    const fail = () => finish(() => reject(unavailable(options.action, reason)));
    // The caller may soon try again: with requests that are not as old as these.
    const deadline = options.hedged ? setTimeout(fail, timing.totalMs) : undefined;

    const finish = (end: () => void) => {
      clearTimeout(timer);
      clearTimeout(deadline);
      timing.closed?.removeEventListener("abort", close);
      finished.abort();
      end();
    };
    // What has begun is awaited, such as a signature: it takes a moment, and nothing is left of the call then.
    const close = () =>
      finish(async () => {
        await Promise.all(attempts);
        reject(unavailable(options.action, "the program stops"));
      });
    const mayRepeat = () => failures < timing.failuresMax && performance.now() - startedAt < timing.totalMs;
    const start = () => void attempts.push(attempt());
    const attempt = async () => {
      running++;
      clearTimeout(timer);
      if (options.hedged) timer = setTimeout(() => mayRepeat() && start(), timing.hedgeMs);
      try {
        const sent = await sign();
        if (failures === 0) reason = `${new URL(sent.url).host} did not answer in ${timing.totalMs / 1000} s`;
        const answer = await send(
          sent,
          { ...timing, action: options.action, finished: finished.signal },
          () => {
            // Once a head is here, the server is there: the rest has its own time.
            clearTimeout(timer);
            clearTimeout(deadline);
          },
        );
        if (passing.has(answer.status)) {
          throw new Error(`${new URL(sent.url).host} answered with status ${answer.status}`);
        }
        finish(() => resolve(answer));
      } catch (error) {
        running--;
        failures++;
        if (finished.signal.aborted) return;
        if (error instanceof Failure) return finish(() => reject(error));
        if (error instanceof Error) reason = error.message;
        if (mayRepeat()) {
          clearTimeout(timer);
          timer = setTimeout(start, backoffOf(failures, timing));
        } else if (running === 0) {
          fail();
        }
      }
    };
    if (timing.closed?.aborted) return close();
    timing.closed?.addEventListener("abort", close, { once: true });
    start();
  });
}

/** Doubles with each failure, up to two seconds, and differs between processes. */
function backoffOf(failures: number, { backoffMs }: Timing): number {
  return Math.min(2_000, backoffMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Sends a request once. @throws {Error} whose message says what went wrong. */
async function send(
  { url, ...init }: Sent,
  { requestMs, action, finished }: Pick<Timing, "requestMs"> & {
    readonly action: string;
    readonly finished: AbortSignal;
  },
  onHead: () => void,
): Promise<Answer> {
  const { host } = new URL(url);
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const allow = (bytes: number) => {
    const limitMs = requestMs + 1000 * bytes / bytesPerSecond;
    clearTimeout(timer);
    timer = setTimeout(
      () => late.abort(new Error(`${host} did not answer in ${limitMs / 1000} s`)),
      limitMs,
    );
  };
  allow(init.body?.length ?? 0);
  try {
    const signal = AbortSignal.any([finished, late.signal]);
    const response = await fetch(url, { ...init, redirect: "manual", signal });
    onHead();
    allow(Number(response.headers.get("content-length")) || 0);
    const bytes = await readBody(response, allow);
    return { status: response.status, headers: response.headers, bytes };
  } catch (error) {
    if (late.signal.aborted) throw late.signal.reason;
    if (error instanceof Deno.errors.NotCapable) throw unavailable(action, reasonOf(error, host));
    throw new Error(reasonOf(error, host));
  } finally {
    clearTimeout(timer);
  }
}

/** @param allow Extends the time limit, for an answer that does not say its length. */
async function readBody(
  response: Response,
  allow: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const isSized = response.headers.has("content-length");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`);
    if (!isSized && length - part.length >> 20 !== length >> 20) allow(0);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Returns the failure of a store that cannot be used now. @param action As in {@link ExchangeOptions}. */
export function unavailable(action: string, reason: string): Failure {
  return new Failure("artifacts-unavailable", `Cannot ${action}: ${reason}.`);
}

/** Returns the failure of a bucket that is not there. */
export function noBucket(bucket: string, action: string): Failure {
  return unavailable(action, `there is no bucket ${bucket}. Create it, or name another with --models`);
}

/** Returns the failure of an answer that leads elsewhere: credentials are not sent there. */
export function redirected(status: number, action: string): Failure {
  return unavailable(
    action,
    `the server answered with a redirect (status ${status}), which is not followed`,
  );
}

/** Returns why a request failed, with its host. Errors of `fetch` have the URL and, last, the cause. */
function reasonOf(error: unknown, host: string): string {
  if (!(error instanceof Error)) return `${host} does not answer`;
  if (error instanceof Deno.errors.NotCapable) {
    return `this program may not reach ${host}: its permissions were narrowed when it was built or started`;
  }
  const { message } = error.cause instanceof Error ? error.cause : error;
  const reason = message.replace(/^.*client error \(\w+\): (?:\w+ (?:connect )?error: )?/, "").replace(
    / \(os error \d+\)/g,
    "",
  ).replace(
    / for url \(.*\)/,
    "",
  );
  return `${host}: ${reason.replaceAll(/\s+/g, " ").slice(0, 200)}`;
}

/** Returns at most a few words of an answer that was not expected, without control characters. */
export function firstWords(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 200));
  // deno-lint-ignore no-control-regex
  return JSON.stringify(text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 80));
}

/** Returns the text of an XML element, if the document has one; a name has no namespace. */
export function xmlText(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml);
  return found ? unescapeXml(found[1]) : undefined;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

export function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (all, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : hex ? parseInt(hex, 16) : undefined;
    return code === undefined ? entities[name] ?? all : code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
