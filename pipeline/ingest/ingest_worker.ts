import { countRanges } from "./examples_count.ts";
import { createFileReading, transferablesOf } from "./reading.ts";
import { answerJobs } from "../runtime/thread_pool.ts";

/** What the second thread of an ingest can be asked to do. */
const { open, next } = createFileReading();
answerJobs({ open, next, count: countRanges }, transferablesOf);
