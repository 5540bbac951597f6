import { answerJobs } from "../runtime/thread_pool.ts";
import { leaksAmong } from "./leak_search.ts";
import { lookAtBlocks, type LookJob } from "./parquet_look.ts";
import type { LeaksJob } from "./unjudged_proposal.ts";

// The thread that shares the look at large files, and then searches for leaks while the tables are loaded.
answerJobs({
  look: (job: LookJob) => lookAtBlocks(job),
  leaks: ({ rows }: LeaksJob) => leaksAmong(rows),
});
