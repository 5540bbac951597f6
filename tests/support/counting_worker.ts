import { answerJobs, type Job } from "../../pipeline/runtime/thread_pool.ts";

/** Gives a thread the number that it returns for the jobs that follow. */
export interface KeepJob extends Job {
  readonly number: number;
}

let kept = 0;
answerJobs({
  keep({ number }: KeepJob) {
    kept = number;
  },
  recall: () => kept,
});
