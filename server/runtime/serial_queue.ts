import { Failure } from "../../pipeline/failure.ts";

/** Runs one piece of work after the other, in the order in which they came. */
export type RunExclusive = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * @param waitingMax Pieces of work that may wait or run.
 * @returns It rejects with `store-busy` where more come.
 */
export function createSerialQueue(waitingMax: number): RunExclusive {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  // deno-lint-ignore require-await
  return async (work) => {
    if (waiting >= waitingMax) {
      throw new Failure("store-busy", `${waitingMax} assignments wait already: try again.`);
    }
    waiting++;
    const turn = last.then(work).finally(() => waiting--);
    last = turn.catch(() => {});
    return turn;
  };
}
