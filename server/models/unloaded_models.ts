/** Which models were unloaded, of the whole process: all threads see the same. */
export interface UnloadedModels {
  has(version: number): boolean;
  set(version: number, unloaded: boolean): void;
  /** For another thread's {@link createUnloadedModels}. */
  readonly memory: SharedArrayBuffer;
}

/** A bit per version; later ones share theirs with earlier ones only in stores of more models than fit. */
const bytes = 64 * 1024;

/** @param memory That of another thread, to see what it sees. */
export function createUnloadedModels(
  memory: SharedArrayBuffer = new SharedArrayBuffer(bytes),
): UnloadedModels {
  const bits = new Uint8Array(memory);
  const place = (version: number) => ({ at: (version >>> 3) % bits.length, mask: 1 << (version & 7) });
  return {
    memory,
    has(version) {
      const { at, mask } = place(version);
      return (Atomics.load(bits, at) & mask) !== 0;
    },
    set(version, unloaded) {
      const { at, mask } = place(version);
      if (unloaded) Atomics.or(bits, at, mask);
      else Atomics.and(bits, at, ~mask);
    },
  };
}
