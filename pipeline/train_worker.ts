import { readRanges } from "./examples.ts";
import { createNetworkState } from "./network_passes.ts";
import { createPassState } from "./passes.ts";
import { answerJobs } from "./threads.ts";

/** What a thread of the training can be asked to do. */
answerJobs({ read: readRanges, ...createPassState(), ...createNetworkState() });
