import { parentPort, workerData } from "node:worker_threads";
import { predictMeanwhile } from "./server_pressure.ts";

// Predictions from a thread of their own: an attack that is sent from the same one would hold up what is measured.
const { origin, timeoutMs } = workerData;
const deadline = performance.now() + timeoutMs;
parentPort?.postMessage(await predictMeanwhile(origin, () => performance.now() > deadline));
