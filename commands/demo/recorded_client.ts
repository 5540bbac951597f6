import { isDeepStrictEqual } from "node:util";
import type { RecordingProxy } from "./recording_proxy.ts";

/** One request, and what its response must be. */
export interface RecordedRequest {
  /** What the request shows, in a few words. */
  readonly title: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** An object is sent as JSON, a text as it stands. */
  readonly body?: Readonly<Record<string, unknown>> | string;
  /** Of the body; application/json where it is left out. */
  readonly contentType?: string;
  readonly status: number;
  /** Members that the JSON of the response must have, among others. */
  readonly answer?: Readonly<Record<string, unknown>>;
}

export interface RecordedClient {
  /**
   * Sends a request, writes it and its response down, and checks the response.
   *
   * @returns The JSON object of the response.
   * @throws {Error} where the response is not the expected one: then this program has a bug.
   */
  send(question: RecordedRequest): Promise<Readonly<Record<string, unknown>>>;
  /** How many requests were answered. */
  readonly count: number;
}

/**
 * @param write Takes the text of one exchange.
 * @param signal Aborting it ends a request that is under way, and refuses the next.
 */
export function createRecordedClient(
  tap: RecordingProxy,
  write: (text: string) => void,
  signal: AbortSignal,
): RecordedClient {
  let count = 0;
  return {
    get count() {
      return count;
    },
    async send(question) {
      const { title, method, path, body, contentType = "application/json" } = question;
      // Compressed, an answer could not be read in the transcript.
      const headers = new Headers({ "accept-encoding": "identity" });
      if (body !== undefined) headers.set("content-type", contentType);
      const response = await fetch(`${tap.origin}${path}`, {
        method,
        headers,
        signal,
        body: typeof body === "object" ? JSON.stringify(body) : body ?? null,
      });
      const text = await response.text();
      count++;
      const { sent, received } = tap.drain();
      write(`${count}. ${title}\n\n${marked(">", sent)}\n\n${marked("<", received)}\n\n`);
      return check(question, response.status, text);
    },
  };
}

/** The lines of a message, each behind a mark that says which way it went. */
function marked(mark: string, message: string): string {
  return message.trimEnd().split(/\r?\n/).map((line) => `${mark} ${line}`.trimEnd()).join("\n");
}

function check(
  { title, status, answer = {} }: RecordedRequest,
  got: number,
  text: string,
): Record<string, unknown> {
  const wrong = (what: string) =>
    new Error(`the demo's request "${title}" was answered with ${what}: ${text}`);
  if (got !== status) throw wrong(`status ${got} instead of ${status}`);
  const json: unknown = JSON.parse(text);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw wrong("no JSON object");
  const members: Record<string, unknown> = { ...json };
  for (const [name, value] of Object.entries(answer)) {
    if (!isDeepStrictEqual(members[name], value)) throw wrong(`${name} other than ${JSON.stringify(value)}`);
  }
  return members;
}
