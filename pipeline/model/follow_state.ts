/**
 * What the thread that follows a registry elsewhere knows of it. All threads of the process share it: the others ask the registry
 * through that thread.
 */
export type FollowState = ReturnType<typeof createFollowState>;

const [changesAt, reachAt, cellCount] = [0, 1, 2];
/** Whether a registry answered when it was last looked at. */
export const reaches = ["unknown", "reachable", "unreachable"] as const;
const cellBytes = cellCount * Int32Array.BYTES_PER_ELEMENT;

/** @param memory Memory of an existing state; without it, a new state is created. */
export function createFollowState(
  memory: SharedArrayBuffer = new SharedArrayBuffer(cellBytes + Float64Array.BYTES_PER_ELEMENT),
) {
  const cells = new Int32Array(memory, 0, cellCount);
  const lastAnswer = new Float64Array(memory, cellBytes, 1);
  return {
    /** Pass it to another thread, to see the same state there. */
    memory,
    /** Differs after each change of the registry that this process has seen or made. */
    get stamp(): string {
      return String(Atomics.load(cells, changesAt));
    },
    /** Counts a change. */
    change(): void {
      Atomics.add(cells, changesAt, 1);
    },
    /** Whether the registry answered when it was last looked at. */
    get reach(): (typeof reaches)[number] {
      return reaches[Atomics.load(cells, reachAt)];
    },
    set reach(value) {
      Atomics.store(cells, reachAt, reaches.indexOf(value));
    },
    /** When it last answered, in seconds since 1970; 0 if it never did. */
    get answeredAt(): number {
      return lastAnswer[0];
    },
    set answeredAt(seconds) {
      lastAnswer[0] = seconds;
    },
  };
}
