import { type Answer, quickTiming, type Timing } from "./exchange.ts";
import type { ObjectStore } from "./object_store.ts";

export interface ObjectRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** For messages: what is done with the object. */
  readonly action: string;
  /** The object; the bucket without one. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly timing?: Partial<Timing>;
}

/** A bucket below a prefix, by the protocol of its server. */
export interface ObjectClient {
  /** For messages. */
  readonly location: string;
  readonly pathOf: (key: string) => string;
  /** Sends a request. @throws {Failure} for any other status. */
  readonly expect: (request: ObjectRequest, statuses: readonly number[]) => Promise<Answer>;
}

/** What differs between protocols. */
export interface ObjectProtocol {
  /** Query of a request for an object's content. */
  readonly contentQuery?: Readonly<Record<string, string>>;
  /** The method that asks whether an object is there. */
  readonly lookBy: "GET" | "HEAD";
  /** @param isNew Whether it must not be there yet. @returns False if it was. */
  put(key: string, body: Uint8Array<ArrayBuffer>, isNew: boolean): Promise<boolean>;
  list(start: string): Promise<string[]>;
}

/** Returns the object store that a client gives access to. */
export function objectStoreOf(
  { location, pathOf, expect }: ObjectClient,
  { contentQuery = {}, lookBy, put, list }: ObjectProtocol,
): ObjectStore {
  const read = async (key: string, timing: Partial<Timing> = {}) => {
    const request = {
      method: "GET",
      action: `read ${location}/${key}`,
      path: pathOf(key),
      query: contentQuery,
      timing,
    } as const;
    const { status, bytes } = await expect(request, [200, 404]);
    return status === 200 ? bytes : undefined;
  };
  return {
    location,
    get: (key) => read(key),
    async has(key) {
      const action = `look for ${location}/${key}`;
      const request = { method: lookBy, action, path: pathOf(key), timing: quickTiming };
      return (await expect(request, [200, 404])).status === 200;
    },
    async check() {
      // No model has this key: an object that is not there shows that the bucket is.
      await read("check", quickTiming);
    },
    create: (key, body) => put(key, body, true),
    async replace(key, body) {
      await put(key, body, false);
    },
    async remove(key) {
      const action = `remove ${location}/${key}`;
      await expect({ method: "DELETE", action, path: pathOf(key) }, [200, 204, 404]);
    },
    list,
  };
}
