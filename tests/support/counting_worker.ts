import { answerJobs, type Job } from "../../pipeline/runtime/thread_pool.ts";

/** Gives a thread the number that it returns for the jobs that follow. */
export interface KeepJob extends Job {
  readonly number: number;
}

/** Counts the threads that take part. */
export interface TakeJob extends Job {
  /** Shape (1): notified. */
  readonly taken: Int32Array<SharedArrayBuffer>;
}

let kept = 0;
answerJobs({
  keep({ number }: KeepJob) {
    kept = number;
  },
  recall: () => kept,
  take({ taken }: TakeJob) {
    const count = Atomics.add(taken, 0, 1) + 1;
    Atomics.notify(taken, 0);
    return count;
  },
});
