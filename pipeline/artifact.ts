import { createHash } from "node:crypto";
import { join } from "node:path";
import { type ArtifactMetadata, parseMetadata } from "./artifact_metadata.ts";
import { syncDirectory, writeDurably } from "./durable_file.ts";
import { Failure } from "./failure.ts";
import { createPredictor } from "./predictor.ts";

/** A model as it lies in `models/<id>/`: tfjs layers files whose metadata predicts from raw fields. */
export interface Artifact {
  /** Derived from the bytes of both files: the same content has the same id on every machine. */
  readonly id: string;
  readonly metadata: ArtifactMetadata;
  /** SHA-256 of model.json and weights.bin, hexadecimal. */
  readonly checksum: string;
}

const modelFile = "model.json";
const weightsFile = "weights.bin";
const idPattern = /^cw-[0-9a-f]{16}$/;
const modelJsonBytesMax = 256 * 1024 * 1024;

/**
 * Writes a model's files: aside first, then renamed as a whole, so that a reader sees all of them or none.
 *
 * @returns The artifact as it was read back.
 * @throws {Failure} `artifact-corrupt` where what was read back is not what was written.
 */
export function writeArtifact(modelsDir: string, metadata: ArtifactMetadata): Artifact {
  const { id, modelJson, weights } = filesOf(metadata);
  const target = join(modelsDir, id);
  if (exists(target)) {
    try {
      return readArtifact(modelsDir, id);
    } catch (error) {
      // What lies there is damaged, and the same content is at hand: put it in its place.
      if (!(error instanceof Failure)) throw error;
      Deno.removeSync(target, { recursive: true });
    }
  }
  Deno.mkdirSync(modelsDir, { recursive: true, mode: 0o700 });
  const aside = Deno.makeTempDirSync({ dir: modelsDir, prefix: ".tmp-" });
  try {
    writeDurably(join(aside, modelFile), modelJson);
    writeDurably(join(aside, weightsFile), weights);
    Deno.renameSync(aside, target);
    syncDirectory(modelsDir);
  } catch (error) {
    Deno.removeSync(aside, { recursive: true });
    throw error;
  }
  return readArtifact(modelsDir, id);
}

/**
 * Reads a model and proves it whole: checksum against its id, shapes, finite coefficients, golden examples.
 *
 * @throws {Failure} `model-unknown` where there is none of that id, `artifact-corrupt` where a check fails.
 */
export function readArtifact(modelsDir: string, modelId: string): Artifact {
  const folder = join(modelsDir, checkedId(modelId));
  const modelJson = readPlainFile(folder, modelFile, modelId);
  const weights = readPlainFile(folder, weightsFile, modelId);
  const checksum = checksumOf(modelJson, weights);
  if (idOf(checksum) !== modelId) {
    throw corrupt(
      modelId,
      `its files give the id ${idOf(checksum)}: they were changed or are of another model`,
    );
  }
  const metadata = parseMetadata(modelJson, modelId);
  const expected = weightsOf(metadata);
  if (!equalBytes(expected, weights)) {
    throw corrupt(modelId, "weights.bin does not hold the coefficients of model.json");
  }
  checkGolden(metadata, modelId);
  return { id: modelId, metadata, checksum };
}

/** The id that a model of this content has. */
export function artifactId(metadata: ArtifactMetadata): string {
  return filesOf(metadata).id;
}

function filesOf(
  metadata: ArtifactMetadata,
): { id: string; modelJson: Uint8Array<ArrayBuffer>; weights: Uint8Array<ArrayBuffer> } {
  const weights = weightsOf(metadata);
  const modelJson = new TextEncoder().encode(JSON.stringify(layersModel(metadata, weights), null, 1) + "\n");
  return { id: idOf(checksumOf(modelJson, weights)), modelJson, weights };
}

/** Removes what an interrupted write left behind. */
export function sweepUnfinished(modelsDir: string): void {
  if (!exists(modelsDir)) return;
  for (const entry of Deno.readDirSync(modelsDir)) {
    if (entry.name.startsWith(".tmp-")) Deno.removeSync(join(modelsDir, entry.name), { recursive: true });
  }
}

/** An id is a folder's name: one that could be another path is refused before it meets the file system. */
function checkedId(modelId: string): string {
  if (idPattern.test(modelId)) return modelId;
  throw new Failure(
    "model-unknown",
    `There is no model "${modelId.slice(0, 80)}": an id is cw- and 16 hexadecimal digits.`,
  );
}

function readPlainFile(folder: string, name: string, modelId: string): Uint8Array<ArrayBuffer> {
  const path = join(folder, name);
  let stat: Deno.FileInfo;
  try {
    // A link could lead out of the models folder: both the folder and the file must be what they seem.
    if (Deno.lstatSync(folder).isSymlink) throw corrupt(modelId, "its folder is a symbolic link");
    stat = Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (!exists(folder)) {
      throw new Failure(
        "model-unknown",
        `There is no model ${modelId} in the models folder. clickwell models list shows those there are.`,
      );
    }
    throw corrupt(modelId, `${name} is missing`);
  }
  if (!stat.isFile) throw corrupt(modelId, `${name} is not a plain file`);
  if (stat.size > modelJsonBytesMax) {
    throw corrupt(modelId, `${name} has ${stat.size} bytes, more than a model can have`);
  }
  return Deno.readFileSync(path);
}

function checkGolden(metadata: ArtifactMetadata, modelId: string): void {
  const predictor = createPredictor(metadata);
  for (const { features, probability } of metadata.golden) {
    const findings = { errors: [], unseen: [] };
    const got = predictor.predict(features, findings);
    if (got !== probability) {
      throw corrupt(modelId, `a golden example gives ${got} where the training gave ${probability}`);
    }
  }
}

/** Coefficients and intercept as tfjs has them: float32, little-endian; kernel, then bias. */
function weightsOf({ coefficients, intercept }: ArtifactMetadata): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4 * (coefficients.length + 1)));
  coefficients.forEach((value, i) => view.setFloat32(4 * i, value, true));
  view.setFloat32(4 * coefficients.length, intercept, true);
  return new Uint8Array(view.buffer);
}

/**
 * The tfjs layers format of a logistic regression over the encoded columns: one dense unit with a sigmoid.
 *
 * @see tfjs-core `io/types.ts`: ModelJSON, WeightsManifestConfig.
 */
function layersModel(metadata: ArtifactMetadata, weights: Uint8Array): Record<string, unknown> {
  const columns = metadata.coefficients.length;
  const initializer = { class_name: "Zeros", config: {} };
  const dense = {
    name: "click",
    trainable: true,
    batch_input_shape: [null, columns],
    dtype: "float32",
    units: 1,
    activation: "sigmoid",
    use_bias: true,
    kernel_initializer: initializer,
    bias_initializer: initializer,
    kernel_regularizer: null,
    bias_regularizer: null,
    activity_regularizer: null,
    kernel_constraint: null,
    bias_constraint: null,
  };
  return {
    format: "layers-model",
    generatedBy: `clickwell ${metadata.program}`,
    convertedBy: null,
    modelTopology: {
      class_name: "Sequential",
      config: { name: "clickwell", layers: [{ class_name: "Dense", config: dense }] },
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
    weightsManifest: [{
      paths: [weightsFile],
      weights: [
        { name: "click/kernel", shape: [columns, 1], dtype: "float32" },
        { name: "click/bias", shape: [1], dtype: "float32" },
      ],
    }],
    userDefinedMetadata: { ...metadata, weightsSha256: createHash("sha256").update(weights).digest("hex") },
  };
}

function checksumOf(modelJson: Uint8Array, weights: Uint8Array): string {
  return createHash("sha256").update(modelJson).update(weights).digest("hex");
}

function idOf(checksum: string): string {
  return `cw-${checksum.slice(0, 16)}`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function corrupt(modelId: string, what: string): Failure {
  return new Failure(
    "artifact-corrupt",
    `The model ${modelId} cannot be used: ${what}. Train it again, or bring its folder back from a backup.`,
  );
}
