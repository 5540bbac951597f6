import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type ArtifactMetadata, parseMetadata } from "./artifact_metadata.ts";
import { Failure } from "../failure.ts";
import { layersModel, weightsFile, weightsOf } from "./layers_model.ts";
import { createFindings } from "./findings.ts";
import { createPredictor } from "./predictor.ts";

/** A model as it is stored: tfjs layers files whose metadata is enough to predict from raw fields. */
export interface Artifact {
  /** Derived from the bytes of both files, so that the same content has the same id on every machine. */
  readonly id: string;
  readonly metadata: ArtifactMetadata;
  /** SHA-256 of model.json and weights.bin, hexadecimal. */
  readonly checksum: string;
  readonly files: ArtifactFiles;
}

/** The content of a model's files. */
export interface ArtifactFiles {
  readonly modelJson: Uint8Array<ArrayBuffer>;
  readonly weights: Uint8Array<ArrayBuffer>;
}

/** Files that are kept beside a model's own and are not part of its id, by name. */
export type KeptFiles = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

export const modelFile = "model.json";
export { weightsFile };
/** The largest kept file in bytes; a larger one counts as none. */
export const keptBytesMax = 4 * 2 ** 20;
/** The largest model.json in bytes. */
export const modelJsonBytesMax = 256 * 1024 * 1024;

const idPattern = /^cw-[0-9a-f]{16}$/;

/**
 * Where models are stored. The program uses stored models only through this interface. A stored model has all its files or is
 * not there: a reader never gets a part of one.
 *
 * Methods may reject with `artifacts-unavailable` if the place cannot be reached or refuses the request.
 */
export interface ArtifactStore {
  /** Names the place in messages: the path of a folder, or a URL without its parameters. */
  readonly location: string;
  /**
   * Reads a model and verifies it: checksum against its id, shapes, finite weights, golden examples.
   *
   * @throws {Failure} `model-unknown` if there is no model with that id, `artifact-corrupt` if a check fails.
   */
  read(modelId: string): Promise<Artifact>;
  /** Returns a file kept beside a model; undefined if the model has none of that name. */
  readKept(modelId: string, name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes a model, and files to keep beside it. Several processes may write the same model at once. Files that were damaged
   * are replaced.
   *
   * @returns Whether the model was there already.
   * @throws {Failure} `file-unwritable`
   */
  write(artifact: Artifact, kept?: KeptFiles): Promise<"written" | "there">;
  /** Removes a model's files. @returns Whether there were any. @throws {Failure} `file-unwritable` */
  remove(modelId: string): Promise<boolean>;
  /**
   * Checks, before a model is assigned, that other processes find it, too. A place that cannot be reached is not asked.
   *
   * @throws {Failure} `model-unknown`
   */
  confirm(modelId: string): Promise<void>;
  /** Checks that the place can be reached; absent for a folder, which is on this machine. */
  check?(): Promise<void>;
  /** Ends the calls that wait for another machine: they fail with `artifacts-unavailable`. Absent for a folder. */
  close?(): void;
  /**
   * Returns a text that changes with the model's files on this machine; empty if they are not here, or cannot be read. Called for
   * every assignment.
   */
  stamp(modelId: string): string;
}

/** Returns the artifact of a model, which can be read back from its files. @throws {Failure} `artifact-corrupt` if it cannot. */
export function makeArtifact(metadata: ArtifactMetadata): Artifact {
  const { text, files } = filesOf(metadata);
  const checksum = checksumOf(files);
  const modelId = idOf(checksum);
  return checkedArtifact({ id: modelId, files, checksum }, parseModel(text, modelId));
}

/** Returns the id of a model with this content. */
export function artifactId(metadata: ArtifactMetadata): string {
  return idOfFiles(filesOf(metadata).files);
}

/** @returns Also the text of model.json. */
function filesOf(metadata: ArtifactMetadata): { text: string; files: ArtifactFiles } {
  const weights = weightsOf(metadata);
  const text = JSON.stringify(layersModel(metadata, weights), null, 1) + "\n";
  return { text, files: { modelJson: new TextEncoder().encode(text), weights } };
}

/** The content of model.json, or why it cannot be parsed. */
export interface ParsedModel {
  readonly metadata?: ArtifactMetadata;
  /** The expected content of weights.bin. */
  readonly expected?: Uint8Array<ArrayBuffer>;
  readonly error?: unknown;
}

/** Parses a model.json, or its text, before weights.bin is read. */
export function parseModel(modelJson: Uint8Array<ArrayBuffer> | string, modelId: string): ParsedModel {
  try {
    const metadata = parseMetadata(modelJson, modelId);
    return { metadata, expected: weightsOf(metadata) };
  } catch (error) {
    return { error };
  }
}

/**
 * Verifies the files of a model. Every {@link ArtifactStore} returns what this has returned.
 *
 * @throws {Failure} `artifact-corrupt` if a check fails; `model-unknown` for a text that is no id.
 */
export function artifactOf(
  modelId: string,
  files: ArtifactFiles,
  parsed: ParsedModel = parseModel(files.modelJson, checkedId(modelId)),
): Artifact {
  const checksum = checksumOf(files);
  if (idOf(checksum) !== modelId) {
    throw corrupt(
      modelId,
      `its files give the id ${idOf(checksum)}: they were changed or belong to another model`,
    );
  }
  return checkedArtifact({ id: modelId, files, checksum }, parsed);
}

/** @param content With the id of its files. @throws {Failure} `artifact-corrupt` */
function checkedArtifact(
  content: Omit<Artifact, "metadata">,
  { metadata, expected, error }: ParsedModel,
): Artifact {
  if (metadata === undefined || expected === undefined) throw error;
  if (!equalBytes(expected, content.files.weights)) {
    throw corrupt(content.id, "weights.bin does not have the weights of model.json");
  }
  checkGolden(metadata, content.id);
  return { ...content, metadata };
}

/** Rejects names that are not ids: an id becomes the name of a folder, and must not be another path. */
export function checkedId(modelId: string): string {
  if (idPattern.test(modelId)) return modelId;
  throw new Failure(
    "model-unknown",
    `There is no model "${modelId.slice(0, 80)}": an id is cw- and 16 hexadecimal digits.`,
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

/** Returns the id of a model with these files, which are not checked. */
export function idOfFiles(files: ArtifactFiles): string {
  return idOf(checksumOf(files));
}

function checksumOf({ modelJson, weights }: ArtifactFiles): string {
  return createHash("sha256").update(modelJson).update(weights).digest("hex");
}

function idOf(checksum: string): string {
  return `cw-${checksum.slice(0, 16)}`;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Returns the failure of a model whose files are damaged. */
export function corrupt(modelId: string, what: string): Failure {
  return new Failure(
    "artifact-corrupt",
    `The model ${modelId} cannot be used: ${what}. Train it again, or restore its folder from a backup.`,
  );
}
