import { answerJobs } from "../runtime/thread_pool.ts";
import { leaksAmong } from "./leak_search.ts";
import type { LeaksJob } from "./unjudged_proposal.ts";

/** The thread that searches for leaks while the tables are loaded. */
answerJobs({ leaks: ({ rows }: LeaksJob) => leaksAmong(rows) });
