/** A map with a fixed number of entries: it drops the least recently used one. */
export function createLru<Value>(entriesMax: number) {
  /** In order of use: a `Map` iterates over its keys in order of insertion. */
  const entries = new Map<string, Value>();
  const set = (key: string, value: Value) => {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size > entriesMax) entries.delete(entries.keys().next().value ?? "");
    return value;
  };
  return {
    /** Counts as a use. */
    get(key: string): Value | undefined {
      const value = entries.get(key);
      return value === undefined ? undefined : set(key, value);
    },
    /** Does not count as a use. */
    peek: (key: string): Value | undefined => entries.get(key),
    /** Adds or replaces an entry, and returns its value. Counts as a use. */
    set,
    delete: (key: string) => void entries.delete(key),
  };
}
