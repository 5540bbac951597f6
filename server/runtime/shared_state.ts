/** State shared by all threads of the server through a SharedArrayBuffer. The primary thread writes it; workers only read. */
export type SharedState = ReturnType<typeof createSharedState>;

const [generationAt, drainingAt, cellCount] = [0, 1, 2];

/** @param memory Memory of an existing state; without it, a new state is created. */
export function createSharedState(
  memory = new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT),
) {
  const cells = new Int32Array(memory);
  return {
    /** Pass it to another thread, to see the same state there. */
    memory,
    get generation() {
      return Atomics.load(cells, generationAt);
    },
    /** Number of changes of the active model. */
    set generation(value) {
      Atomics.store(cells, generationAt, value);
    },
    get draining() {
      return Atomics.load(cells, drainingAt) !== 0;
    },
    /** The server is stopping. */
    set draining(value) {
      Atomics.store(cells, drainingAt, Number(value));
    },
  };
}
