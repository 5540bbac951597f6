import { join } from "node:path";
import {
  type Artifact,
  artifactOf,
  type ArtifactStore,
  checkedId,
  corrupt,
  equalBytes,
  keptBytesMax,
  type KeptFiles,
  modelFile,
  modelJsonBytesMax,
  parseModel,
  weightsFile,
} from "./artifact.ts";
import { Failure } from "../failure.ts";
import { syncDirectory, writeDurably } from "../runtime/durable_file.ts";
import { exists, isAbsence, isOfSystem, reasonOf } from "../runtime/system_error.ts";

/** Prefix of the folders to which models are written before they are renamed. */
const temporaryPrefix = ".tmp-";
const unfinishedAgeMs = 3_600_000;
const pieceBytes = 2 ** 18;

/** Stores models in the folders `<models>/<id>`. */
export function createFolderStore(modelsDir: string): ArtifactStore {
  return {
    location: modelsDir,
    // Functions that read files are synchronous; a failure of theirs must reject.
    read: (modelId) => inPromise(() => readArtifact(modelsDir, modelId)),
    readKept: (modelId, name) => inPromise(() => readKept(modelsDir, modelId, name)),
    write: (artifact, kept) =>
      inPromise(() => {
        removeUnfinished(modelsDir);
        return placeArtifact(modelsDir, artifact, kept);
      }),
    remove: (modelId) => inPromise(() => removeArtifact(modelsDir, modelId)),
    // Reading it is what shows this.
    confirm: () => Promise.resolve(),
    stamp: (modelId) => stampOf(join(modelsDir, modelId)),
  };
}

function inPromise<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

/**
 * Writes a model's files to a temporary folder and renames it, so that a reader sees all files or none.
 *
 * @throws {Failure} `file-unwritable`
 */
export function placeArtifact(
  modelsDir: string,
  { id, files: { modelJson, weights } }: Artifact,
  kept: KeptFiles = {},
): "written" | "there" {
  if (isValid(modelsDir, id)) {
    restoreKept(join(modelsDir, id), kept);
    return "there";
  }
  try {
    const own = { [modelFile]: modelJson, [weightsFile]: weights };
    placeFiles(modelsDir, id, { ...own, ...kept });
    // Their bytes are compared, not read as a model again: every artifact was verified when it was made or read.
    for (const [name, bytes] of Object.entries(own)) {
      if (!hasContent(join(modelsDir, id, name), bytes)) {
        throw corrupt(id, `${name} is not as it was written`);
      }
    }
  } catch (error) {
    // Another process may have written the same model first.
    if (isValid(modelsDir, id)) return "there";
    throw unwritable(error, modelsDir);
  }
  return "written";
}

/** Writes files that a model's folder lacks, or that were changed. @throws {Failure} `file-unwritable` */
export function restoreKept(folder: string, kept: KeptFiles): void {
  try {
    for (const [name, bytes] of Object.entries(kept)) {
      const path = join(folder, name);
      if (exists(path) && hasContent(path, bytes)) continue;
      const temporary = `${path}${temporaryPrefix}${crypto.randomUUID()}`;
      writeDurably(temporary, bytes);
      Deno.renameSync(temporary, path);
      syncDirectory(folder);
    }
  } catch (error) {
    throw unwritable(error, folder);
  }
}

/** Returns whether a file has these bytes, which are compared piece by piece: fresh memory for all would take longer than the rest. */
function hasContent(path: string, bytes: Uint8Array): boolean {
  using file = Deno.openSync(path);
  if (file.statSync().size !== bytes.length) return false;
  const piece = new Uint8Array(Math.min(pieceBytes, bytes.length));
  for (let at = 0; at < bytes.length;) {
    const count = file.readSync(piece) ?? 0;
    if (count === 0 || !equalBytes(piece.subarray(0, count), bytes.subarray(at, at + count))) return false;
    at += count;
  }
  return true;
}

/** Returns false if there is no such model, or it is damaged. */
function isValid(modelsDir: string, id: string): boolean {
  try {
    readArtifact(modelsDir, id);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function placeFiles(modelsDir: string, id: string, files: KeptFiles): void {
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
function unwritable(error: unknown, modelsDir: string): unknown {
  if (!isOfSystem(error)) return error;
  return new Failure(
    "file-unwritable",
    `Cannot write the model to ${modelsDir}: ${
      reasonOf(error)
    }. Make the folder writable, or choose another with --models.`,
  );
}

/** As `ArtifactStore.read`. */
export function readArtifact(modelsDir: string, modelId: string): Artifact {
  const folder = join(modelsDir, checkedId(modelId));
  const modelJson = readPlainFile(folder, modelFile, modelId);
  const parsed = parseModel(modelJson, modelId);
  // The size is checked before reading, since a file of the wrong size may be of any size.
  const weights = readPlainFile(folder, weightsFile, modelId, parsed.expected?.length);
  return artifactOf(modelId, { modelJson, weights }, parsed);
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

/** A link, which could lead out of the folder, and a file that is too large count as none. */
function readKept(modelsDir: string, modelId: string, name: string): Uint8Array<ArrayBuffer> | undefined {
  const path = join(modelsDir, checkedId(modelId), name);
  try {
    const { isFile, size } = Deno.lstatSync(path);
    return isFile && size <= keptBytesMax ? Deno.readFileSync(path) : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/**
 * Removes temporary folders of interrupted writes. Those younger than an hour may be in use by another process.
 *
 * @throws {Failure} `file-unwritable`
 */
export function removeUnfinished(modelsDir: string): void {
  if (!exists(modelsDir)) return;
  try {
    for (const { name } of Deno.readDirSync(modelsDir)) {
      if (name.startsWith(temporaryPrefix)) removeIfOld(join(modelsDir, name));
    }
  } catch (error) {
    throw unwritable(error, modelsDir);
  }
}

function removeIfOld(path: string): void {
  try {
    if (isOld(path)) Deno.removeSync(path, { recursive: true });
  } catch (error) {
    // Another process has finished its write, or removes the folder, too.
    if (!isAbsence(error)) throw error;
  }
}

function isOld(path: string): boolean {
  const { mtime } = Deno.lstatSync(path);
  return mtime !== null && Date.now() - mtime.getTime() > unfinishedAgeMs;
}

/**
 * Removes a model's files. They disappear at once: the folder is renamed first.
 *
 * @returns Whether there were any.
 * @throws {Failure} `file-unwritable`; then all of them are still there.
 */
export function removeArtifact(modelsDir: string, modelId: string): boolean {
  const folder = join(modelsDir, checkedId(modelId));
  if (!exists(folder)) return false;
  const temporary = join(modelsDir, `${temporaryPrefix}${modelId}-${Date.now()}`);
  try {
    Deno.renameSync(folder, temporary);
    syncDirectory(modelsDir);
  } catch (error) {
    throw isOfSystem(error)
      ? new Failure(
        "file-unwritable",
        `Cannot remove ${folder}: ${reasonOf(error)}. Make the folder writable.`,
      )
      : error;
  }
  try {
    Deno.removeSync(temporary, { recursive: true });
  } catch (error) {
    // What is left has the name of an unfinished write, which the next training removes.
    if (!isOfSystem(error)) throw error;
  }
  return true;
}

/** Returns a text that changes with any file of the folder; empty if it cannot be read, which reading the model reports. */
function stampOf(folder: string): string {
  try {
    return [".", ...[...Deno.readDirSync(folder)].map(({ name }) => name).sort()].map((name) => {
      const { ino, size, mtime, ctime } = Deno.lstatSync(join(folder, name));
      return `${name} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
    }).join("\n");
  } catch {
    return "";
  }
}
