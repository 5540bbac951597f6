import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { type LayersModel, loadLayersModel } from "@tensorflow/tfjs-layers";
import { createCategoryReader } from "../../pipeline/encode/category_positions.ts";
import {
  columnsAt,
  encodeNumeric,
  type Encoder,
  type NumericEncoder,
  transformed,
} from "../../pipeline/encode/encoder.ts";
import { createRowEncoder } from "../../pipeline/model/encoded_row.ts";
import { root } from "./program.ts";

/** Returns the encoded columns of a row, including zeros. */
export function denseRow(
  encoder: Encoder,
  row: Readonly<Record<string, unknown>>,
): number[] {
  const { features, columnCount } = encoder;
  const columns = new Array<number>(columnCount).fill(0);
  if (encoder.tables) {
    createRowEncoder(encoder)(row, (_, column, value) => columns[column] = value);
    return columns;
  }
  for (const feature of features) {
    const value = row[feature.name];
    if (feature.type === "numeric") {
      columns[feature.column] = encodeNumeric(feature, value === null ? NaN : Number(value));
      if (value === null && feature.missingIndicator) columns[feature.column + 1] = 1;
      if (value !== null) setDivided(feature, Number(value), columns);
    } else if (feature.type !== "categorical" && feature.type !== "ordinal") {
      throw new Error(`a test of tfjs has no ${feature.type}`);
    } else {
      for (const column of columnsAt(feature, createCategoryReader(feature)(value))) columns[column] = 1;
    }
  }
  return columns;
}

/** Sets the columns of a number's bins and exact value. */
function setDivided(feature: NumericEncoder, value: number, columns: number[]): void {
  const { edges, resolutions = edges ? [{ edges }] : [], exactValues = [], transform } = feature;
  let first = feature.column + (feature.missingIndicator ? 2 : 1);
  for (const { edges } of resolutions) {
    columns[first + edges.filter((edge) => edge <= transformed(transform, value)).length] = 1;
    first += edges.length + 1;
  }
  if (exactValues.includes(value)) columns[first + exactValues.indexOf(value)] = 1;
}

/** Loads a model's files by tfjs, on its cpu backend. */
export async function loadByTfjs(folder: string): Promise<LayersModel> {
  await tf.setBackend("cpu");
  const { modelTopology, weightsManifest } = JSON.parse(await Deno.readTextFile(join(folder, "model.json")));
  const weightData = (await Deno.readFile(join(folder, "weights.bin"))).buffer;
  return await loadLayersModel(
    tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  );
}

/** Predicts from a model's files, over HTTP, by a process that has nothing but tfjs. @param rows Shape (rows, columns). */
export async function predictByScript(folder: string, rows: readonly number[][]): Promise<number[]> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const name = new URL(request.url).pathname === "/model.json" ? "model.json" : "weights.bin";
    return new Response(await Deno.readFile(join(folder, name)));
  });
  try {
    const script = fileURLToPath(new URL("predict_by_tfjs.ts", import.meta.url));
    const url = `http://127.0.0.1:${server.addr.port}/model.json`;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--allow-all", script, url, JSON.stringify(rows)],
      cwd: root,
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(decoder.decode(stderr));
    return JSON.parse(decoder.decode(stdout));
  } finally {
    await server.shutdown();
  }
}
