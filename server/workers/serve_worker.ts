import { workerData } from "node:worker_threads";
import { runWorker } from "./worker.ts";

/** A thread that answers requests. */
runWorker(workerData);
