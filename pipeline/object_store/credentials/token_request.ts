import { parseJsonOfDoubles } from "../../exact_json.ts";
import { type Answer, exchange, type Sent, type Timing, unavailable, xmlText } from "../exchange.ts";

/** What credentials are made of, apart from the environment. */
export interface CredentialsContext {
  readonly variable: (name: string) => string | undefined;
  readonly timing?: Partial<Timing> | undefined;
}

/** For messages, as what could not be done. */
export const credentialsAction = (from: string) => `get credentials from ${from}`;

/** Metadata servers are near, or are not there: a machine outside of a cloud must not wait for them. */
export const metadataTiming: Partial<Timing> = { requestMs: 1_000, totalMs: 1_500, failuresMax: 2 };

/**
 * Sends a request for credentials. The message of a failure has the code of an answer, never its text.
 *
 * @param from Names the server in messages.
 * @throws {Failure} `artifacts-unavailable`
 */
export async function requestToken(
  from: string,
  { headers, ...sent }: Omit<Sent, "headers"> & { readonly headers?: Readonly<Record<string, string>> },
  timing: Partial<Timing> = {},
): Promise<Answer> {
  const action = credentialsAction(from);
  const answer = await exchange(() => Promise.resolve({ ...sent, headers: new Headers(headers) }), {
    action,
    timing,
  });
  if (answer.status === 200) return answer;
  const code = codeOf(answer);
  throw unavailable(action, `status ${answer.status}${code === undefined ? "" : ` (${code})`}`);
}

/** Returns the code of an error of AWS (`<Code>`) or of OAuth (`"error"`). */
function codeOf({ bytes }: Answer): string | undefined {
  const text = new TextDecoder().decode(bytes);
  const code = xmlText(text, "Code") ?? /"error"\s*:\s*"(\w{1,60})"/.exec(text)?.[1];
  return code !== undefined && /^\w{1,60}$/.test(code) ? code : undefined;
}

/** Returns the members of a JSON object that an answer or a file is. @throws {Failure} `artifacts-unavailable` */
export function membersOf(text: Uint8Array | string, from: string): (name: string) => string {
  const members = parsed(typeof text === "string" ? text : new TextDecoder().decode(text), from);
  return (name) => {
    const value = members[name];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
    throw unavailable(credentialsAction(from), `it has no ${name}`);
  };
}

export function parsed(text: string, from: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parseJsonOfDoubles(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch { /* As for any other value. */ }
  throw unavailable(credentialsAction(from), "it is not a JSON object");
}

/** Returns a time in milliseconds. @param text ISO 8601. @throws {Failure} `artifacts-unavailable` */
export function timeOf(text: string, from: string): number {
  const time = Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw unavailable(credentialsAction(from), "the time at which they expire is not a date");
}

/** Reads a file of credentials. @throws {Failure} `artifacts-unavailable` */
export function readSecretFile(path: string, from: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw unavailable(credentialsAction(from), `${path}: ${reason}`);
  }
}
