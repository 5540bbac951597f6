import { countRanges } from "./examples_count.ts";
import { createFileReading, transferablesOf } from "./reading.ts";
import { answerJobs } from "../runtime/thread_pool.ts";

// Runs the jobs of the second thread of an ingest.
const { open, next } = createFileReading();
answerJobs({ open, next, count: countRanges }, transferablesOf);
