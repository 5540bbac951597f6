import { join } from "node:path";
import { Failure, fileInvalid } from "../failure.ts";
import { type ArtifactFiles, artifactOf, type KeptFiles } from "../model/artifact.ts";
import type { ModelRow, Models } from "../model/registry.ts";
import { parseReport, reportName } from "../report/report_file.ts";
import { isOfSystem, reasonOf } from "../runtime/system_error.ts";
import { exportFormat, keptFiles, type Manifest, manifestName, modelFiles, sha256 } from "./export_model.ts";

/**
 * Registers the model of an export, after checking every file of it. The model has the id that it had.
 *
 * @throws {Failure} `file-missing`, `file-invalid`; `artifact-corrupt`; `file-unwritable`; as `Registry.registerModel`.
 */
export async function importModel({ artifacts, registry }: Models, folder: string): Promise<ModelRow> {
  const manifest = readManifest(folder);
  const contents = readFiles(folder, manifest);
  const report = contents.get(reportName);
  if (report) parseReport(report, manifest.model_id);
  const artifact = artifactOf(manifest.model_id, modelFilesOf(contents));
  await artifacts.write(artifact, keptFilesOf(contents));
  const row = await registry.registerModel(artifact, Date.parse(manifest.created_at) * 1000);
  const texts = { name: manifest.name, note: manifest.note };
  const wanted = Object.entries(texts).filter(([, text]) => text !== null && text !== "");
  if (wanted.length === 0 || row.name !== undefined || row.note !== undefined) return row;
  return await registry.setNote({ model: row.modelId, ...Object.fromEntries(wanted) });
}

type Contents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

function modelFilesOf(contents: Contents): ArtifactFiles {
  const [modelJson, weights] = modelFiles.map((name) => contents.get(name));
  if (!modelJson || !weights) throw new Error("the manifest was checked");
  return { modelJson, weights };
}

function keptFilesOf(contents: Contents): KeptFiles {
  return Object.fromEntries(keptFiles.flatMap((name) => {
    const bytes = contents.get(name);
    return bytes ? [[name, bytes] as const] : [];
  }));
}

/** @throws {Failure} `file-missing`; `file-invalid` */
function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readFile(path)));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw fileInvalid(`Cannot import ${folder}: ${manifestName} is not JSON. Export the model again.`);
  }
  if (isManifest(value)) return value;
  const { format } = (value ?? {}) as { format?: unknown };
  throw fileInvalid(
    typeof format === "number" && format !== exportFormat
      ? `Cannot import ${folder}: it is an export of version ${format}, expected ${exportFormat}. Use the clickwell that wrote it.`
      : `Cannot import ${folder}: ${manifestName} does not describe an export of a model. Export the model again.`,
  );
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const { format, model_id, created_at, name, note, files } = value as Partial<
    Record<keyof Manifest, unknown>
  >;
  const isText = (text: unknown) => text === null || typeof text === "string";
  if (format !== exportFormat || typeof model_id !== "string" || !isText(name) || !isText(note)) return false;
  if (typeof created_at !== "string" || !Number.isFinite(Date.parse(created_at))) return false;
  if (typeof files !== "object" || files === null) return false;
  const entries = Object.entries(files);
  return entries.every(([name, hash]) => /^[\w.]+$/.test(name) && typeof hash === "string") &&
    modelFiles.every((name) => Object.hasOwn(files, name));
}

/** Reads and checks all files that the manifest lists. */
function readFiles(folder: string, { files }: Manifest): Contents {
  return new Map(
    Object.entries(files).map(([name, hash]) => {
      const bytes = readFile(join(folder, name));
      if (sha256(bytes) === hash) return [name, bytes];
      throw fileInvalid(
        `Cannot import ${folder}: ${name} is not as it was exported. Copy the folder again, or export the model again.`,
      );
    }),
  );
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    throw new Failure(
      "file-missing",
      `Cannot read ${path}: ${reasonOf(error)}. Expected a folder that clickwell models export wrote.`,
    );
  }
}
