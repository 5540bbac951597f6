import { answerJobs } from "../runtime/thread_pool.ts";
import { lookAtBlocks, type LookJob } from "./parquet_look.ts";

// The thread that shares the look at large files.
answerJobs({ look: (job: LookJob) => lookAtBlocks(job) });
