import { Failure } from "../../pipeline/failure.ts";

/** Runs tasks one at a time, in the order of the calls. */
export type RunExclusive = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * Creates a queue of store writes.
 *
 * @param pendingMax Tasks that may wait or run. Further calls are rejected with `store-busy`.
 */
export function createSerialQueue(pendingMax: number): RunExclusive {
  let last: Promise<unknown> = Promise.resolve();
  let pending = 0;
  // deno-lint-ignore require-await
  return async (task) => {
    if (pending >= pendingMax) {
      throw new Failure("store-busy", `${pendingMax} assignments are already waiting: try again.`);
    }
    pending++;
    const result = last.then(task).finally(() => pending--);
    last = result.catch(() => {});
    return result;
  };
}
