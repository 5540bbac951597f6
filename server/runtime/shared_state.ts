/** State shared by all threads of the server through a SharedArrayBuffer. The primary thread writes it; workers only read. */
export interface SharedState {
  /** Number of changes of the active model. */
  generation: number;
  /** The server is stopping. */
  draining: boolean;
  /** Pass it to another thread, to see the same state there. */
  readonly memory: SharedArrayBuffer;
}

const [generationAt, drainingAt, cellCount] = [0, 1, 2];

/** @param memory Memory of an existing state; without it, a new state is created. */
export function createSharedState(
  memory = new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT),
): SharedState {
  const cells = new Int32Array(memory);
  return {
    memory,
    get generation() {
      return Atomics.load(cells, generationAt);
    },
    set generation(value) {
      Atomics.store(cells, generationAt, value);
    },
    get draining() {
      return Atomics.load(cells, drainingAt) !== 0;
    },
    set draining(value) {
      Atomics.store(cells, drainingAt, Number(value));
    },
  };
}
