/** The models that were unloaded. All threads of the process share the set. */
export type UnloadedModels = ReturnType<typeof createUnloadedModels>;

/** One bit per version. Versions share a bit only in a store with more models than bits. */
const bytes = 64 * 1024;

/** @param memory The memory of another thread's set, to share it. */
export function createUnloadedModels(
  memory: SharedArrayBuffer = new SharedArrayBuffer(bytes),
) {
  const bits = new Uint8Array(memory);
  const place = (version: number) => ({ at: (version >>> 3) % bits.length, mask: 1 << (version & 7) });
  return {
    /** To be passed to {@link createUnloadedModels} in another thread. */
    memory,
    has(version: number): boolean {
      const { at, mask } = place(version);
      return (Atomics.load(bits, at) & mask) !== 0;
    },
    set(version: number, unloaded: boolean): void {
      const { at, mask } = place(version);
      if (unloaded) Atomics.or(bits, at, mask);
      else Atomics.and(bits, at, ~mask);
    },
  };
}
