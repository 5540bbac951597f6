import { readRanges } from "../examples/examples.ts";
import { scanBuildSides } from "../examples/hash_join/build_scan.ts";
import { countRanges } from "../ingest/examples_count.ts";
import { createNetworkState } from "../fit/minibatch/network_passes.ts";
import { createPassState } from "../fit/passes.ts";
import { createFileReading, transferablesOf } from "../ingest/reading.ts";
import { forceCollection } from "../runtime/shared_memory_gc.ts";
import { answerJobs } from "../runtime/thread_pool.ts";
import { createGatherState } from "./from_files/collector_state.ts";

/** What a thread of the training can be asked to do; with `gather`, it reads files for an ingest, too. */
const { gather, gathered, childKeys, onlooker } = createGatherState();
const { open, next } = createFileReading(onlooker);
answerJobs({
  read: readRanges,
  build: scanBuildSides,
  gather,
  gathered,
  childKeys,
  open,
  next,
  count: countRanges,
  collect: forceCollection,
  ...createPassState(),
  ...createNetworkState(),
}, transferablesOf);
