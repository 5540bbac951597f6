import { createHash } from "node:crypto";
import { join } from "node:path";
import { type ArtifactMetadata, parseMetadata } from "./artifact_metadata.ts";
import { syncDirectory, writeDurably } from "../runtime/durable_file.ts";
import { Failure } from "../failure.ts";
import { layersModel, weightsFile, weightsOf } from "./layers_model.ts";
import { createFindings } from "./findings.ts";
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
/** Of the folders in which models are written before they get their name. */
const asidePrefix = ".tmp-";
const unfinishedAgeMs = 3_600_000;
const idPattern = /^cw-[0-9a-f]{16}$/;
const modelJsonBytesMax = 256 * 1024 * 1024;

/**
 * Writes a model's files: aside first, then renamed as a whole, so that a reader sees all of them or none.
 *
 * @returns The artifact as it was read back.
 * @throws {Failure} `file-unwritable`; `artifact-corrupt` where what was read back is not what was written.
 */
export function writeArtifact(modelsDir: string, metadata: ArtifactMetadata): Artifact {
  const { id, modelJson, weights } = filesOf(metadata);
  const there = readWhole(modelsDir, id);
  if (there) return there;
  // What could not be read back is not written.
  artifactOf(id, { modelJson, weights, parsed: parsedOf(modelJson, id) });
  try {
    placeFiles(modelsDir, id, { [modelFile]: modelJson, [weightsFile]: weights });
  } catch (error) {
    // Another process that trained the same model may have been first.
    const theirs = readWhole(modelsDir, id);
    if (theirs) return theirs;
    throw unwritable(error, modelsDir);
  }
  return readArtifact(modelsDir, id);
}

/** The model that lies there, if there is one and it is whole. */
function readWhole(modelsDir: string, id: string): Artifact | undefined {
  try {
    return readArtifact(modelsDir, id);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function placeFiles(modelsDir: string, id: string, files: Readonly<Record<string, Uint8Array>>): void {
  Deno.mkdirSync(modelsDir, { recursive: true, mode: 0o700 });
  const target = join(modelsDir, id);
  const aside = Deno.makeTempDirSync({ dir: modelsDir, prefix: asidePrefix });
  try {
    for (const [name, bytes] of Object.entries(files)) writeDurably(join(aside, name), bytes);
    // What lies there is damaged, else it would have been taken as it is.
    if (exists(target)) Deno.removeSync(target, { recursive: true });
    Deno.renameSync(aside, target);
    syncDirectory(modelsDir);
  } catch (error) {
    if (exists(aside)) Deno.removeSync(aside, { recursive: true });
    throw error;
  }
}

/** What the system says about a folder, as a failure; any other error as it is. */
function unwritable(error: unknown, modelsDir: string): unknown {
  if (!isOfSystem(error)) return error;
  return new Failure(
    "file-unwritable",
    `Cannot write the model to ${modelsDir}: ${
      reasonOf(error)
    }. Mend the folder, or choose another with --models.`,
  );
}

/** Errors of the operating system have its code; those of Deno's own permissions have none. */
function isOfSystem(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && typeof error.code === "string");
}

function reasonOf(error: Error): string {
  return error.message.replace(/ \(os error .*$/, "");
}

/**
 * Reads a model and proves it whole: checksum against its id, shapes, finite weights, golden examples.
 *
 * @throws {Failure} `model-unknown` where there is none of that id, `artifact-corrupt` where a check fails.
 */
export function readArtifact(modelsDir: string, modelId: string): Artifact {
  const folder = join(modelsDir, checkedId(modelId));
  const modelJson = readPlainFile(folder, modelFile, modelId);
  const parsed = parsedOf(modelJson, modelId);
  // Compared before it is read: a file of the wrong length may be of any length.
  const weights = readPlainFile(folder, weightsFile, modelId, parsed.expected?.length);
  return artifactOf(modelId, { modelJson, weights, parsed });
}

/** What model.json says, or why it says nothing. */
interface Parsed {
  readonly metadata?: ArtifactMetadata;
  /** What weights.bin has to be. */
  readonly expected?: Uint8Array<ArrayBuffer>;
  readonly fault?: unknown;
}

function parsedOf(modelJson: Uint8Array<ArrayBuffer>, modelId: string): Parsed {
  try {
    const metadata = parseMetadata(modelJson, modelId);
    return { metadata, expected: weightsOf(metadata) };
  } catch (fault) {
    return { fault };
  }
}

function artifactOf(
  modelId: string,
  { modelJson, weights, parsed }: {
    readonly modelJson: Uint8Array<ArrayBuffer>;
    readonly weights: Uint8Array<ArrayBuffer>;
    readonly parsed: Parsed;
  },
): Artifact {
  const checksum = checksumOf(modelJson, weights);
  if (idOf(checksum) !== modelId) {
    throw corrupt(
      modelId,
      `its files give the id ${idOf(checksum)}: they were changed or are of another model`,
    );
  }
  const { metadata, expected, fault } = parsed;
  if (metadata === undefined || expected === undefined) throw fault;
  if (!equalBytes(expected, weights)) {
    throw corrupt(modelId, "weights.bin does not hold the weights of model.json");
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

/**
 * Removes what an interrupted write left behind; what is younger than an hour may be another process's at work.
 *
 * @throws {Failure} `file-unwritable`
 */
export function removeUnfinished(modelsDir: string): void {
  if (!exists(modelsDir)) return;
  try {
    for (const { name } of Deno.readDirSync(modelsDir)) {
      const path = join(modelsDir, name);
      if (name.startsWith(asidePrefix) && isOld(path)) Deno.removeSync(path, { recursive: true });
    }
  } catch (error) {
    throw unwritable(error, modelsDir);
  }
}

function isOld(path: string): boolean {
  const { mtime } = Deno.lstatSync(path);
  return mtime !== null && Date.now() - mtime.getTime() > unfinishedAgeMs;
}

/** An id is a folder's name: one that could be another path is refused before it meets the file system. */
function checkedId(modelId: string): string {
  if (idPattern.test(modelId)) return modelId;
  throw new Failure(
    "model-unknown",
    `There is no model "${modelId.slice(0, 80)}": an id is cw- and 16 hexadecimal digits.`,
  );
}

/** @param expectedSize In bytes, if it is known. */
function readPlainFile(
  folder: string,
  name: string,
  modelId: string,
  expectedSize?: number,
): Uint8Array<ArrayBuffer> {
  const path = join(folder, name);
  try {
    // A link could lead out of the models folder: both the folder and the file must be what they seem.
    if (Deno.lstatSync(folder).isSymlink) throw corrupt(modelId, "its folder is a symbolic link");
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile) throw corrupt(modelId, `${name} is not a plain file`);
    if (size > modelJsonBytesMax) {
      throw corrupt(modelId, `${name} has ${size} bytes, more than a model can have`);
    }
    if (expectedSize !== undefined && size !== expectedSize) {
      throw corrupt(
        modelId,
        `its files were changed: ${name} has ${size} bytes, and the model of ${modelFile} ${expectedSize}`,
      );
    }
    return Deno.readFileSync(path);
  } catch (error) {
    throw unreadable(error, { folder, name, modelId });
  }
}

function unreadable(error: unknown, file: { folder: string; name: string; modelId: string }): unknown {
  const { folder, name, modelId } = file;
  if (error instanceof Failure || !isOfSystem(error)) return error;
  if (!isAbsence(error)) return corrupt(modelId, `${name} cannot be read: ${reasonOf(error)}`);
  if (exists(folder)) return corrupt(modelId, `${name} is missing`);
  return new Failure(
    "model-unknown",
    `There is no model ${modelId} in the models folder. clickwell models list shows those there are.`,
  );
}

function checkGolden(metadata: ArtifactMetadata, modelId: string): void {
  const predictor = createPredictor(metadata);
  for (const { features, probability } of metadata.golden) {
    const findings = createFindings();
    const got = predictor.predict(features, findings);
    if (got !== probability) {
      throw corrupt(modelId, `a golden example gives ${got} where the training gave ${probability}`);
    }
  }
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
    if (isAbsence(error)) return false;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
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
