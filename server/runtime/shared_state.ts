/** State shared by all threads of the server through a SharedArrayBuffer. The primary thread writes it; workers only read. */
export type SharedState = ReturnType<typeof createSharedState>;

const [generationAt, drainingAt, artifactsAt, cellCount] = [0, 1, 2, 3];

/** Whether models can be fetched from their object store; undefined if they are in a folder, and before the first check. */
export type ArtifactsState = "reachable" | "unreachable" | undefined;

const artifactsStates: readonly ArtifactsState[] = [undefined, "reachable", "unreachable"];

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
    get artifacts(): ArtifactsState {
      return artifactsStates[Atomics.load(cells, artifactsAt)];
    },
    set artifacts(value: ArtifactsState) {
      Atomics.store(cells, artifactsAt, artifactsStates.indexOf(value));
    },
  };
}
