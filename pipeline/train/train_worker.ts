import { readRanges } from "../examples/examples.ts";
import { createNetworkState } from "../fit/network_passes.ts";
import { createPassState } from "../fit/passes.ts";
import { answerJobs } from "../threads.ts";

/** What a thread of the training can be asked to do. */
answerJobs({ read: readRanges, ...createPassState(), ...createNetworkState() });
