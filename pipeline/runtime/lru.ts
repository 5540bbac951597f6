/** A map with a fixed number of entries: it drops the least recently used one. */
export interface Lru<Value> {
  /** Counts as a use. */
  get(key: string): Value | undefined;
  /** Does not count as a use. */
  peek(key: string): Value | undefined;
  /** Adds or replaces an entry, and returns its value. Counts as a use. */
  set(key: string, value: Value): Value;
  delete(key: string): void;
}

export function createLru<Value>(entriesMax: number): Lru<Value> {
  /** In order of use: a `Map` iterates over its keys in order of insertion. */
  const entries = new Map<string, Value>();
  const set = (key: string, value: Value) => {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size > entriesMax) entries.delete(entries.keys().next().value ?? "");
    return value;
  };
  return {
    get(key) {
      const value = entries.get(key);
      return value === undefined ? undefined : set(key, value);
    },
    peek: (key) => entries.get(key),
    set,
    delete: (key) => void entries.delete(key),
  };
}
