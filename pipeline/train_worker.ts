import { readRanges } from "./examples.ts";
import { createPassState } from "./passes.ts";
import { answerJobs } from "./threads.ts";

/** What a thread of the training can be asked to do. */
const { attach, pass } = createPassState();
answerJobs({ read: readRanges, attach, pass });
