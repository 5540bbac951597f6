import { readRanges } from "../examples/range_reader.ts";
import { scanBuildSides } from "../examples/hash_join/build_scan.ts";
import { type FillJob, fillStreams } from "../examples/hash_join/later_parents.ts";
import { type MatchJob, matchPartitions } from "../examples/hash_join/matching.ts";
import { runToEnd } from "../runtime/steps.ts";
import { countRanges } from "../ingest/examples_count.ts";
import { createEncodingJobs } from "../encode/encoding_jobs.ts";
import { createBoostTables } from "../fit/tables/boost_jobs.ts";
import { createPassState } from "../fit/passes.ts";
import { computeProbabilities, type ProbabilitiesJob } from "../fit/row_probabilities.ts";
import { answerLeaks } from "../init/leak_search.ts";
import { lookAtBlocks, type LookJob } from "../init/parquet_look.ts";
import { createFileReading, transferablesOf } from "../ingest/reading.ts";
import { collectSums, type SumsJob } from "../report/shared_sums.ts";
import { forceCollection } from "../runtime/shared_memory_gc.ts";
import { answerJobs } from "../runtime/thread_pool.ts";
import { createCollectorState } from "./from_files/collector_state.ts";

/** Jobs of a training thread. It shares the look at files, and after `collectExamples` also reads them for an ingest. */
const { collectExamples, finalSpec, collectedExamples, childKeys, observer } = createCollectorState();
const { open, next } = createFileReading(observer);
answerJobs({
  look: (job: LookJob) => lookAtBlocks(job),
  leaks: answerLeaks,
  read: readRanges,
  build: scanBuildSides,
  match: (job: MatchJob) => runToEnd(matchPartitions(job)),
  fill: (job: FillJob) => runToEnd(fillStreams(job)),
  collectExamples,
  finalSpec,
  collectedExamples,
  childKeys,
  open,
  next,
  count: countRanges,
  collect: forceCollection,
  boostTables: createBoostTables(),
  probabilities: (job: ProbabilitiesJob) => computeProbabilities(job),
  reportSums: (job: SumsJob) => collectSums(job),
  ...createEncodingJobs(),
  ...createPassState(),
}, transferablesOf);
