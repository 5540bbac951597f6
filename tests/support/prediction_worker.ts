import { parentPort, workerData } from "node:worker_threads";
import { measurePredictions } from "./server_pressure.ts";

// A separate thread: an attack sent from the same thread would delay the predictions that are measured.
const { origin, timeoutMs } = workerData;
const deadline = performance.now() + timeoutMs;
parentPort?.postMessage(await measurePredictions(origin, () => performance.now() > deadline));
