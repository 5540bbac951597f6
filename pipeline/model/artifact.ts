import { createHash } from "node:crypto";
import { join } from "node:path";
import { type ArtifactMetadata, parseMetadata } from "./artifact_metadata.ts";
import { syncDirectory, writeDurably } from "../runtime/durable_file.ts";
import { Failure } from "../failure.ts";
import { layersModel, weightsFile, weightsOf } from "./layers_model.ts";
import { createFindings } from "./findings.ts";
import { createPredictor } from "./predictor.ts";

/** A model stored in `models/<id>/`: tfjs layers files whose metadata is enough to predict from raw fields. */
export interface Artifact {
  /** Derived from the bytes of both files, so that the same content has the same id on every machine. */
  readonly id: string;
  readonly metadata: ArtifactMetadata;
  /** SHA-256 of model.json and weights.bin, hexadecimal. */
  readonly checksum: string;
}

const modelFile = "model.json";
/** Prefix of the folders to which models are written before they are renamed. */
export const temporaryPrefix = ".tmp-";
const idPattern = /^cw-[0-9a-f]{16}$/;
const modelJsonBytesMax = 256 * 1024 * 1024;

/** The content of a model's files. */
export interface ArtifactFiles {
  readonly modelJson: Uint8Array<ArrayBuffer>;
  readonly weights: Uint8Array<ArrayBuffer>;
  /** Files that are kept beside them and not checked, by name. */
  readonly others?: Readonly<Record<string, Uint8Array>>;
}

/** Writes a model as `placeArtifact` does. @param othersOf Files to keep beside its own, which are not part of its id. */
export function writeArtifact(
  modelsDir: string,
  metadata: ArtifactMetadata,
  othersOf: (id: string) => ArtifactFiles["others"] = () => ({}),
): Artifact {
  const { id, ...files } = filesOf(metadata);
  return placeArtifact(modelsDir, id, { ...files, others: othersOf(id) ?? {} });
}

/**
 * Writes a model's files to a temporary folder and renames it, so that a reader sees all files or none.
 *
 * @returns The artifact, read back from the files.
 * @throws {Failure} `file-unwritable`; `artifact-corrupt` if a check of `readArtifact` fails.
 */
export function placeArtifact(modelsDir: string, id: string, files: ArtifactFiles): Artifact {
  const { modelJson, weights, others } = files;
  // Check that the files can be read back before writing them.
  artifactOf(checkedId(id), { modelJson, weights, parsed: parsedOf(modelJson, id) });
  const existing = readIfValid(modelsDir, id);
  if (existing) {
    restoreOthers(join(modelsDir, id), others);
    return existing;
  }
  try {
    placeFiles(modelsDir, id, { [modelFile]: modelJson, [weightsFile]: weights, ...others });
  } catch (error) {
    // Another process may have written the same model first.
    const concurrent = readIfValid(modelsDir, id);
    if (concurrent) return concurrent;
    throw unwritable(error, modelsDir);
  }
  return readArtifact(modelsDir, id);
}

/** Writes files that a model's folder lacks, or that were changed. @throws {Failure} `file-unwritable` */
function restoreOthers(folder: string, others: ArtifactFiles["others"] = {}): void {
  try {
    for (const [name, bytes] of Object.entries(others)) {
      const path = join(folder, name);
      if (exists(path) && equalBytes(Deno.readFileSync(path), bytes)) continue;
      const temporary = `${path}${temporaryPrefix}${crypto.randomUUID()}`;
      writeDurably(temporary, bytes);
      Deno.renameSync(temporary, path);
      syncDirectory(folder);
    }
  } catch (error) {
    throw unwritable(error, folder);
  }
}

/** Reads a model; undefined if there is none or it is damaged. */
function readIfValid(modelsDir: string, id: string): Artifact | undefined {
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
  const temporary = Deno.makeTempDirSync({ dir: modelsDir, prefix: temporaryPrefix });
  try {
    for (const [name, bytes] of Object.entries(files)) writeDurably(join(temporary, name), bytes);
    // An existing folder is damaged: an intact one would have been used.
    if (exists(target)) Deno.removeSync(target, { recursive: true });
    Deno.renameSync(temporary, target);
    syncDirectory(modelsDir);
  } catch (error) {
    if (exists(temporary)) Deno.removeSync(temporary, { recursive: true });
    throw error;
  }
}

/** Converts an error of the operating system to a failure; returns any other error unchanged. */
export function unwritable(error: unknown, modelsDir: string): unknown {
  if (!isOfSystem(error)) return error;
  return new Failure(
    "file-unwritable",
    `Cannot write the model to ${modelsDir}: ${
      reasonOf(error)
    }. Make the folder writable, or choose another with --models.`,
  );
}

/** Errors of the operating system have a code; those of Deno's permissions have none. */
export function isOfSystem(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && typeof error.code === "string");
}

export function reasonOf(error: Error): string {
  return error.message.replace(/ \(os error .*$/, "");
}

/**
 * Reads a model and verifies it: checksum against its id, shapes, finite weights, golden examples.
 *
 * @throws {Failure} `model-unknown` if there is no model with that id, `artifact-corrupt` if a check fails.
 */
export function readArtifact(modelsDir: string, modelId: string): Artifact {
  const folder = join(modelsDir, checkedId(modelId));
  const modelJson = readPlainFile(folder, modelFile, modelId);
  const parsed = parsedOf(modelJson, modelId);
  // The size is checked before reading, since a file of the wrong size may be of any size.
  const weights = readPlainFile(folder, weightsFile, modelId, parsed.expected?.length);
  return artifactOf(modelId, { modelJson, weights, parsed });
}

/** The content of model.json, or why it cannot be parsed. */
interface Parsed {
  readonly metadata?: ArtifactMetadata;
  /** The expected content of weights.bin. */
  readonly expected?: Uint8Array<ArrayBuffer>;
  readonly error?: unknown;
}

function parsedOf(modelJson: Uint8Array<ArrayBuffer>, modelId: string): Parsed {
  try {
    const metadata = parseMetadata(modelJson, modelId);
    return { metadata, expected: weightsOf(metadata) };
  } catch (error) {
    return { error };
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
      `its files give the id ${idOf(checksum)}: they were changed or belong to another model`,
    );
  }
  const { metadata, expected, error } = parsed;
  if (metadata === undefined || expected === undefined) throw error;
  if (!equalBytes(expected, weights)) {
    throw corrupt(modelId, "weights.bin does not have the weights of model.json");
  }
  checkGolden(metadata, modelId);
  return { id: modelId, metadata, checksum };
}

/** Returns the id of a model with this content. */
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

/** Rejects names that are not ids: an id becomes the name of a folder, and must not be another path. */
export function checkedId(modelId: string): string {
  if (idPattern.test(modelId)) return modelId;
  throw new Failure(
    "model-unknown",
    `There is no model "${modelId.slice(0, 80)}": an id is cw- and 16 hexadecimal digits.`,
  );
}

/** @param expectedSize Expected size in bytes, if known. */
function readPlainFile(
  folder: string,
  name: string,
  modelId: string,
  expectedSize?: number,
): Uint8Array<ArrayBuffer> {
  const path = join(folder, name);
  try {
    // A symbolic link could lead out of the models folder: neither the folder nor the file may be one.
    if (Deno.lstatSync(folder).isSymlink) throw corrupt(modelId, "its folder is a symbolic link");
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile) throw corrupt(modelId, `${name} is not a plain file`);
    if (size > modelJsonBytesMax) {
      throw corrupt(modelId, `${name} has ${size} bytes, more than the maximum of ${modelJsonBytesMax}`);
    }
    if (expectedSize !== undefined && size !== expectedSize) {
      throw corrupt(
        modelId,
        `its files were changed: ${name} has ${size} bytes, and ${modelFile} requires ${expectedSize}`,
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
      throw corrupt(modelId, `a golden example gives ${got}, expected ${probability}`);
    }
  }
}

function checksumOf(modelJson: Uint8Array, weights: Uint8Array): string {
  return createHash("sha256").update(modelJson).update(weights).digest("hex");
}

function idOf(checksum: string): string {
  return `cw-${checksum.slice(0, 16)}`;
}

export function exists(path: string): boolean {
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
    `The model ${modelId} cannot be used: ${what}. Train it again, or restore its folder from a backup.`,
  );
}
