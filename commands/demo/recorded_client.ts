import { isDeepStrictEqual } from "node:util";
import type { RecordingProxy } from "./recording_proxy.ts";
import { parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

/** A request and its expected response. */
export interface RecordedRequest {
  /** A heading for the transcript. */
  readonly title: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** An object is sent as JSON, a string unchanged. */
  readonly body?: Readonly<Record<string, unknown>> | string;
  /** The content type of the body; `application/json` by default. */
  readonly contentType?: string;
  readonly status: number;
  /** Members that the JSON of the response must have. */
  readonly answer?: Readonly<Record<string, unknown>>;
}

/** An HTTP client that records each request and response as text. */
export type RecordedClient = ReturnType<typeof createRecordedClient>;

/**
 * @param write Gets the text of one request with its response.
 * @param signal Aborting it ends the current request and rejects the next.
 */
export function createRecordedClient(
  proxy: RecordingProxy,
  write: (text: string) => void,
  signal: AbortSignal,
) {
  let count = 0;
  return {
    /** Number of requests sent. */
    get count(): number {
      return count;
    },
    /**
     * Sends a request, records it with its response, and checks the response.
     *
     * @returns The JSON object of the response.
     * @throws {Error} if the response is not the expected one, which is a bug of the program.
     */
    async send(request: RecordedRequest): Promise<Readonly<Record<string, unknown>>> {
      const { title, method, path, body, contentType = "application/json" } = request;
      // A compressed response would not be readable in the transcript.
      const headers = new Headers({ "accept-encoding": "identity" });
      if (body !== undefined) headers.set("content-type", contentType);
      const response = await fetch(`${proxy.origin}${path}`, {
        method,
        headers,
        signal,
        body: typeof body === "object" ? JSON.stringify(body) : body ?? null,
      });
      const text = await response.text();
      count++;
      const { sent, received } = proxy.drain();
      write(`${count}. ${title}\n\n${marked(">", sent)}\n\n${marked("<", received)}\n\n`);
      return check(request, response.status, text);
    },
  };
}

/** Prefixes the lines of a message with a mark for its direction. */
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
  const json: unknown = parseJsonOfDoubles(text);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw wrong("no JSON object");
  const members: Record<string, unknown> = { ...json };
  for (const [name, value] of Object.entries(answer)) {
    if (!isDeepStrictEqual(members[name], value)) throw wrong(`${name} other than ${JSON.stringify(value)}`);
  }
  return members;
}
