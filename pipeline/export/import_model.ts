import { join } from "node:path";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { Failure, fileInvalid } from "../failure.ts";
import { type ArtifactFiles, artifactOf, idOfFiles, type KeptFiles } from "../model/artifact.ts";
import type { ModelRow, Models } from "../model/registry.ts";
import { parseReport, reportName } from "../report/report_file.ts";
import { isOfSystem, reasonOf } from "../runtime/system_error.ts";
import { exportFormat, keptFiles, type Manifest, manifestName, modelFiles, sha256 } from "./export_model.ts";

/** Where the files of one model are: a folder, or an object store below a prefix. */
export interface ModelSource {
  /** For messages. */
  readonly location: string;
  /** Reads a file; undefined if there is none. */
  get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** @returns The source of a model's files in a folder. Rejects with `file-missing` for a file that cannot be read. */
export function folderSource(folder: string): ModelSource {
  return {
    location: folder,
    async get(name) {
      const path = join(folder, name);
      try {
        return await Deno.readFile(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        if (!isOfSystem(error)) throw error;
        throw new Failure("file-missing", `Cannot read ${path}: ${reasonOf(error)}. ${expected}`);
      }
    },
  };
}

function missing({ location }: ModelSource, name: string): Failure {
  return new Failure("file-missing", `Cannot read ${location}/${name}: it does not exist. ${expected}`);
}

const expected = "Expected a folder that clickwell models export wrote.";

/**
 * Registers the model of an export, after checking every file of it. The model has the id that it had.
 *
 * @param options.mayBeBare Also takes a model's own files without the manifest of an export, as they are in the folder of the models.
 * @throws {Failure} `file-missing`, `file-invalid`; `artifact-corrupt`; `file-unwritable`; as `Registry.registerModel`.
 */
export async function importModel(
  { artifacts, registry }: Models,
  source: ModelSource,
  { mayBeBare }: { readonly mayBeBare: boolean },
): Promise<ModelRow> {
  const manifest = await readManifest(source);
  if (manifest === undefined && !mayBeBare) throw missing(source, manifestName);
  const contents = await readFiles(source, manifest);
  const files = modelFilesOf(contents);
  const artifact = artifactOf(manifest?.model_id ?? idOfFiles(files), files);
  const report = contents.get(reportName);
  if (report) parseReport(report, artifact.id);
  await artifacts.write(artifact, keptFilesOf(contents));
  const createdAt = manifest ? Date.parse(manifest.created_at) : Date.now();
  const row = await registry.registerModel(artifact, createdAt * 1000);
  const texts = { name: manifest?.name ?? "", note: manifest?.note ?? "" };
  const wanted = Object.entries(texts).filter(([, text]) => text !== "");
  if (wanted.length === 0 || row.name !== undefined || row.note !== undefined) return row;
  return await registry.setNote({ model: row.modelId, ...Object.fromEntries(wanted) });
}

type Contents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

function modelFilesOf(contents: Contents): ArtifactFiles {
  const [modelJson, weights] = modelFiles.map((name) => contents.get(name));
  if (!modelJson || !weights) throw new Error("they were read");
  return { modelJson, weights };
}

function keptFilesOf(contents: Contents): KeptFiles {
  return Object.fromEntries(keptFiles.flatMap((name) => {
    const bytes = contents.get(name);
    return bytes ? [[name, bytes] as const] : [];
  }));
}

/** Returns undefined for the folder of a model, which has no manifest. @throws {Failure} `file-invalid` */
async function readManifest({ location, get }: ModelSource): Promise<Manifest | undefined> {
  const bytes = await get(manifestName);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = parseJsonOfDoubles(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fileInvalid(`Cannot import ${location}: ${manifestName} is not JSON. Export the model again.`);
  }
  if (isManifest(value)) return value;
  const { format } = (value ?? {}) as { format?: unknown };
  throw fileInvalid(
    typeof format === "number" && format !== exportFormat
      ? `Cannot import ${location}: it is an export of version ${format}, expected ${exportFormat}. Use the clickwell that wrote it.`
      : `Cannot import ${location}: ${manifestName} does not describe an export of a model. Export the model again.`,
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

/** Reads all files that the manifest lists, and checks them; without a manifest, those of a model. */
async function readFiles(source: ModelSource, manifest: Manifest | undefined): Promise<Contents> {
  const names = manifest ? Object.keys(manifest.files) : [...modelFiles, ...keptFiles];
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of names) {
    const bytes = await source.get(name);
    if (bytes) contents.set(name, bytes);
    const isKept = !manifest && keptFiles.some((kept) => kept === name);
    if (!bytes && !isKept) {
      throw missing(source, name);
    }
    if (!bytes || !manifest || sha256(bytes) === manifest.files[name]) continue;
    throw fileInvalid(
      `Cannot import ${source.location}: ${name} is not as it was exported. Copy the folder again, or export the model again.`,
    );
  }
  return contents;
}
