import { workerData } from "node:worker_threads";
import { runThread } from "./thread.ts";

/** A thread that answers requests. */
runThread(workerData);
