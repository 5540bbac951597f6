import { workerData } from "node:worker_threads";
import { runThread } from "./worker.ts";

/** A thread that answers requests. */
runThread(workerData);
