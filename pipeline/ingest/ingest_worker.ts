import { countRanges } from "../examples/examples_count.ts";
import { createFileReading, memoryOf } from "./reading.ts";
import { answerJobs } from "../threads.ts";

/** What the second thread of an ingest can be asked to do. */
const { open, next } = createFileReading();
answerJobs({ open, next, count: countRanges }, memoryOf);
