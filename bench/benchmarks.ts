import type { Benchmark } from "./bench.ts";
import { batchPrediction } from "./batch_prediction.ts";
import { cvPath } from "./cv_path.ts";
import { engineBytes } from "./engine_bytes.ts";
import { executable } from "./executable.ts";
import { fitHashed } from "./fit_hashed.ts";
import { fitHidden } from "./fit_hidden.ts";
import { fitL1 } from "./fit_l1.ts";
import { fitL2 } from "./fit_l2.ts";
import { fitSizes } from "./fit_sizes.ts";
import { fitWide } from "./fit_wide.ts";
import { fleetRegistry } from "./fleet_registry.ts";
import { fleetServing } from "./fleet_serving.ts";
import { footprint } from "./footprint.ts";
import { foundPredict } from "./found_predict.ts";
import { intervals } from "./intervals.ts";
import { loadTables } from "./load_tables.ts";
import { ownTable } from "./own_table.ts";
import { predictBare } from "./predict_bare.ts";
import { predictBatch } from "./predict_batch.ts";
import { predictPeers } from "./predict_peers.ts";
import { predictWide } from "./predict_wide.ts";
import { protocols } from "./protocols.ts";
import { quality } from "./quality.ts";
import { readExamples } from "./read_examples.ts";
import { readWide } from "./read_wide.ts";
import { reportTime } from "./report_time.ts";
import { searchTime } from "./search_time.ts";
import { secondTraining } from "./second_training.ts";
import { selfMeasurement } from "./self_measurement.ts";
import { swapUnderLoad } from "./swap_under_load.ts";
import { trainPostgres } from "./train_postgres.ts";
import { trainTrino } from "./train_trino.ts";
import { wholePath } from "./whole_path.ts";
import { wideTable } from "./wide_table.ts";

/** The benchmarks in the order in which they run and appear in the report. */
export const benchmarks: Readonly<Record<string, Benchmark>> = {
  "load-tables": loadTables,
  "read-examples": readExamples,
  "read-wide": readWide,
  "whole-path": wholePath,
  "train-postgres": trainPostgres,
  "train-trino": trainTrino,
  "engine-bytes": engineBytes,
  "wide-table": wideTable,
  "own-table": ownTable,
  "fit-l2": fitL2,
  "fit-l1": fitL1,
  "fit-wide": fitWide,
  "fit-hashed": fitHashed,
  "fit-hidden": fitHidden,
  "fit-sizes": fitSizes,
  "second-training": secondTraining,
  "cv-path": cvPath,
  "predict-bare": predictBare,
  "predict-wide": predictWide,
  "predict-peers": predictPeers,
  "predict-batch": predictBatch,
  "batch-prediction": batchPrediction,
  intervals,
  quality,
  "search-time": searchTime,
  "found-predict": foundPredict,
  "report-time": reportTime,
  "self-measurement": selfMeasurement,
  protocols,
  footprint,
  "fleet-serving": fleetServing,
  "swap-under-load": swapUnderLoad,
  "fleet-registry": fleetRegistry,
  executable,
};
