/**
 * What all threads of the server see at the same moment: a few numbers in memory that they share. The thread that owns the
 * store writes them, the others look.
 */
export interface SharedState {
  /** Counts changes of the model in production. */
  generation: number;
  /** The server ends. */
  draining: boolean;
  /** For another thread's board. */
  readonly memory: SharedArrayBuffer;
}

const [generationAt, drainingAt, cellCount] = [0, 1, 2];

/** @param memory Of the board to see; without it, the board is a new one. */
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
