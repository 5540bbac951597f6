/**
 * A bucket of an object store, below a prefix. Keys are relative to it.
 *
 * Methods reject with `artifacts-unavailable`, in bounded time, if the store does not answer, answers something else than an object
 * store would, or refuses the request; the message names the object, and has no secret.
 */
export interface ObjectStore {
  /** For messages, for example s3://bucket/prefix. */
  readonly location: string;
  /** Reads an object; undefined if there is none. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Whether there is an object. Fails within about three seconds: a store that answers later counts as away. */
  has(key: string): Promise<boolean>;
  /** Checks that the bucket can be read, and answers soon, as {@link has}. */
  check(): Promise<void>;
  /** Writes an object that does not exist yet. @returns False if it does; it is then unchanged. */
  create(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Writes an object in place of any that is there. */
  replace(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Removes an object. One that does not exist is no failure. */
  remove(key: string): Promise<void>;
  /** Returns the keys that begin with a text. */
  list(start: string): Promise<string[]>;
}

/** Reads a variable of the environment. An empty one counts as unset. */
export type Variable = (name: string) => string | undefined;

/** Pages of a listing that are read at most. */
export const pagesMax = 1_000;
