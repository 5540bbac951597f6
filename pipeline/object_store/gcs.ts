import { createHash } from "node:crypto";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import {
  type Answer,
  exchange,
  firstWords,
  noBucket,
  redirected,
  type Timing,
  unavailable,
} from "./exchange.ts";
import type { Expiring } from "./credentials/expiring.ts";
import { type ObjectRequest, objectStoreOf } from "./object_client.ts";
import { type ObjectStore, pagesMax } from "./object_store.ts";

export interface GcsOptions {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  /** Default: https://storage.googleapis.com. */
  readonly endpoint?: string | undefined;
  /** Returns the access token; undefined for a server that wants none. */
  readonly token: Expiring<string> | undefined;
  readonly timing?: Partial<Timing> | undefined;
}

/** Connects to Google Cloud Storage by its JSON API. Nothing is sent before the first call. */
export function createGcsStore(options: GcsOptions): ObjectStore {
  const client = createClient(options);
  return objectStoreOf(client, {
    contentQuery: { alt: "media" },
    lookBy: "GET",
    put: (key, body, isNew) => put(client, key, body, isNew),
    list: (start) => list(client, start),
  });
}

/** A bucket, below a prefix. */
type Client = ReturnType<typeof createClient>;

function createClient(options: GcsOptions) {
  const { bucket, prefix, token, endpoint = "https://storage.googleapis.com" } = options;
  const objects = `/storage/v1/b/${bucket}/o`;
  const nameOf = (key: string) => prefix === "" ? key : `${prefix}/${key}`;

  async function ask(
    { method, action, path = "", query = {}, body, timing }: ObjectRequest,
  ): Promise<Answer> {
    const url = `${endpoint}${path}?${new URLSearchParams(query)}`;
    const sign = async () => {
      const headers = new Headers(body ? { "content-type": "application/octet-stream" } : {});
      if (token) headers.set("authorization", `Bearer ${await token.get()}`);
      return { method, url, headers, ...(body ? { body } : {}) };
    };
    const hedged = method === "GET";
    const send = () => exchange(sign, { action, hedged, timing: { ...timing, ...options.timing } });
    const answer = await send();
    // A token may be revoked before it expires.
    return answer.status === 401 && token?.drop() ? await send() : answer;
  }

  return {
    location: `gs://${bucket}${prefix && `/${prefix}`}`,
    prefix,
    objects,
    nameOf,
    pathOf: (key: string) => `${objects}/${encodeURIComponent(nameOf(key))}`,
    /** @throws {Failure} for any other status. */
    async expect(request: ObjectRequest, statuses: readonly number[]): Promise<Answer> {
      const answer = await ask(request);
      if (!statuses.includes(answer.status)) throw refused(answer, request.action, bucket);
      if (answer.status === 404 && request.method === "GET") {
        requireNoSuchObject(answer, request.action, bucket);
      }
      return answer;
    },
  };
}

async function put(
  { location, objects, nameOf, expect }: Client,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  isNew: boolean,
): Promise<boolean> {
  const action = `write ${location}/${key}`;
  const query = { uploadType: "media", name: nameOf(key), ...(isNew ? { ifGenerationMatch: "0" } : {}) };
  const answer = await expect({ method: "POST", action, path: `/upload${objects}`, query, body }, [200, 412]);
  if (answer.status === 200) requireStored(answer, body, action);
  return answer.status === 200;
}

async function list(
  { location, prefix, objects, nameOf, expect }: Client,
  start: string,
): Promise<string[]> {
  const keys: string[] = [];
  const action = `list ${location}/${start}`;
  let pageToken: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const query = { prefix: nameOf(start), ...(pageToken ? { pageToken } : {}) };
    const answer = await expect({ method: "GET", action, path: objects, query }, [200]);
    const { items = [], nextPageToken } = jsonOf(answer, action);
    if (!Array.isArray(items)) throw strange(answer, action);
    keys.push(...items.map(({ name }) => String(name).slice(prefix === "" ? 0 : prefix.length + 1)));
    if (typeof nextPageToken !== "string" || nextPageToken === "") return keys;
    pageToken = nextPageToken;
  }
  throw unavailable(action, `there are more than ${pagesMax} pages of names`);
}

/** Checks the MD5 that the server has computed of what it has stored. */
function requireStored(answer: Answer, body: Uint8Array, action: string): void {
  const { md5Hash } = jsonOf(answer, action);
  if (md5Hash === createHash("md5").update(body).digest("base64")) return;
  throw unavailable(action, "the server has stored other bytes than were sent");
}

/** A page of some other server has the status of a missing object, too. */
function requireNoSuchObject(answer: Answer, action: string, bucket: string): void {
  const message = messageOf(answer);
  const isObject = message !== undefined && /^no such object/i.test(message);
  // The servers of tests answer in plain text.
  if (isObject || /^not found\s*$/i.test(new TextDecoder().decode(answer.bytes.subarray(0, 40)))) return;
  throw refused(answer, action, bucket);
}

/** Returns the message of an error of Google's APIs; undefined if the answer is none. */
function messageOf({ bytes }: Answer): string | undefined {
  try {
    const { error } = parseJsonOfDoubles(new TextDecoder().decode(bytes));
    return typeof error?.message === "string" ? error.message : undefined;
  } catch {
    return undefined;
  }
}

function jsonOf(answer: Answer, action: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parseJsonOfDoubles(new TextDecoder().decode(answer.bytes));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch { /* As for any other value. */ }
  throw strange(answer, action);
}

function refused(answer: Answer, action: string, bucket: string): Failure {
  const { status } = answer;
  const message = messageOf(answer);
  if (status === 404 && message !== undefined) {
    return noBucket(bucket, action);
  }
  if (status >= 300 && status < 400) return redirected(status, action);
  if (status === 401 || status === 403) {
    return unavailable(
      action,
      `access is denied, status ${status}. Check the credentials, and that they may read, write, list and delete objects there`,
    );
  }
  if (message === undefined && answer.bytes.length > 0) return strange(answer, action);
  return unavailable(action, `status ${status}`);
}

function strange({ status, bytes }: Answer, action: string): Failure {
  return unavailable(
    action,
    `the server answered ${firstWords(bytes)}, status ${status}, which is not the JSON API of Cloud Storage`,
  );
}
