/**
 * Prints what tfjs predicts from a model's files, as a JSON array. Imports nothing but tfjs.
 *
 *     deno run -A predict_by_tfjs.ts http://HOST/model.json '[[0, 1, …], …]'
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { loadLayersModel } from "@tensorflow/tfjs-layers";

const [url, rows] = Deno.args;
const model = await loadLayersModel(url);
const output = model.predict(tf.tensor2d(JSON.parse(rows)));
console.log(JSON.stringify(Array.from(Array.isArray(output) ? [] : output.dataSync())));
