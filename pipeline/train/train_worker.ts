import { readRanges } from "../examples/examples.ts";
import { readParents } from "../examples/parent_reading.ts";
import { countRanges } from "../examples/examples_count.ts";
import { createNetworkState } from "../fit/network_passes.ts";
import { createPassState } from "../fit/passes.ts";
import { createFileReading, memoryOf } from "../ingest/reading.ts";
import { collect } from "../collector.ts";
import { answerJobs } from "../threads.ts";
import { createGatherState } from "./gather_state.ts";

/** What a thread of the training can be asked to do; with `gather`, it reads files for an ingest, too. */
const { gather, gathered, childKeys, onlooker } = createGatherState();
const { open, next } = createFileReading(onlooker);
answerJobs({
  read: readRanges,
  parents: readParents,
  gather,
  gathered,
  childKeys,
  open,
  next,
  count: countRanges,
  collect,
  ...createPassState(),
  ...createNetworkState(),
}, memoryOf);
