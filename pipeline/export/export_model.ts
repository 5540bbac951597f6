import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { Failure } from "../failure.ts";
import { type Artifact, type ArtifactStore, modelFile, weightsFile } from "../model/artifact.ts";
import type { ModelRow } from "../model/registry.ts";
import { parseReport, reportName } from "../report/report_file.ts";
import { syncDirectory, writeDurably } from "../runtime/durable_file.ts";
import { exists, isOfSystem, reasonOf } from "../runtime/system_error.ts";
import { jsScorer, requireAgreement } from "./js_scorer.ts";
import { dialects } from "./sql_dialect.ts";
import { sqlScorer } from "./sql_scorer.ts";

/** The file of an export that lists the others. */
export const manifestName = "export.json";
/** Version of the layout of an export. */
export const exportFormat = 1;

/** The page that draws the report of a model that has one. */
export const pageName = "report.html";

/** The files of a model's folder that an export has unchanged; the last ones only if the model has them. */
export const modelFiles = [modelFile, weightsFile] as const;
export const keptFiles = [reportName] as const;

/** The content of `export.json`. */
export interface Manifest {
  readonly format: number;
  readonly model_id: string;
  /** ISO 8601. */
  readonly created_at: string;
  readonly name: string | null;
  readonly note: string | null;
  /** SHA-256 of each file, hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}

/** A file that an export does not have, because its language cannot express the model. */
export interface LeftOutFile {
  readonly file: string;
  readonly why: string;
}

export interface Exported {
  readonly files: readonly string[];
  readonly leftOut: readonly LeftOutFile[];
}

/**
 * Writes a model, the page of its report, its golden examples and its scorers to a new folder: all files or none.
 *
 * @param options.replace Replaces a folder that is an export.
 * @throws {Failure} `model-unknown`, `artifact-corrupt`; `file-unwritable`.
 */
export async function exportModel(
  row: ModelRow,
  { artifacts, folder, replace }: {
    readonly artifacts: ArtifactStore;
    readonly folder: string;
    readonly replace: boolean;
  },
): Promise<Exported> {
  const target = resolve(folder);
  requireFree(target, folder, replace);
  const artifact = await artifacts.read(row.modelId);
  const leftOut: LeftOutFile[] = [];
  const { modelJson, weights } = artifact.files;
  const files: Record<string, Uint8Array<ArrayBuffer>> = { [modelFile]: modelJson, [weightsFile]: weights };
  for (const name of keptFiles) {
    const bytes = await artifacts.readKept(row.modelId, name);
    if (bytes) files[name] = bytes;
  }
  const report = files[reportName];
  if (report) {
    const { renderReport } = await import("../report_page/render_report.ts");
    files[pageName] = new TextEncoder().encode(renderReport(parseReport(report, row.modelId)).html);
  }
  for (const [name, text] of scorersOf(artifact, leftOut)) files[name] = new TextEncoder().encode(text);
  files["golden.ndjson"] = new TextEncoder().encode(
    artifact.metadata.golden.map((example) => `${JSON.stringify(example)}\n`).join(""),
  );
  const manifest: Manifest = {
    format: exportFormat,
    model_id: row.modelId,
    created_at: new Date(row.createdAt / 1000).toISOString(),
    name: row.name ?? null,
    note: row.note ?? null,
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  };
  files[manifestName] = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  place(target, files);
  return { files: Object.keys(files).sort(), leftOut };
}

function scorersOf({ id, metadata }: Artifact, leftOut: LeftOutFile[]): [string, string][] {
  const title = `Scores rows by the model ${id} of clickwell ${metadata.program}.`;
  const header = [
    title,
    "Reads the rows of the view that the model was trained on; another table with the same columns can take its place after FROM.",
    "Fields of numbers must be columns of numbers, other fields columns of texts. A field with an invalid value gives NULL.",
  ].map((line) => `-- ${line}\n`).join("");
  const statements = dialects.flatMap((dialect): [string, string][] => {
    try {
      return [[dialect.file, header + sqlScorer(metadata, dialect)]];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      leftOut.push({ file: dialect.file, why: error.message });
      return [];
    }
  });
  const module = jsScorer(metadata, title);
  requireAgreement(metadata, module);
  return [...statements, ["score.js", module]];
}

/** @throws {Failure} `file-unwritable` if the folder has files that an export may not replace. */
function requireFree(target: string, folder: string, replace: boolean): void {
  if (!exists(target)) return;
  const isEmpty = Deno.statSync(target).isDirectory && [...Deno.readDirSync(target)].length === 0;
  if (isEmpty || (replace && exists(join(target, manifestName)))) return;
  throw new Failure(
    "file-unwritable",
    `Cannot export to ${folder}: it exists already. ${
      exists(join(target, manifestName)) ? "Replace it with --replace." : "Name a new folder."
    }`,
  );
}

/** Writes to a temporary folder beside the target, and renames it. */
function place(target: string, files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): void {
  const parent = dirname(target);
  let temporary: string | undefined;
  try {
    Deno.mkdirSync(parent, { recursive: true });
    temporary = Deno.makeTempDirSync({ dir: parent, prefix: `.${basename(target)}-` });
    for (const [name, bytes] of Object.entries(files)) writeDurably(join(temporary, name), bytes);
    if (exists(target)) Deno.removeSync(target, { recursive: true });
    Deno.renameSync(temporary, target);
    syncDirectory(parent);
  } catch (error) {
    if (temporary !== undefined && exists(temporary)) Deno.removeSync(temporary, { recursive: true });
    if (!isOfSystem(error)) throw error;
    throw new Failure(
      "file-unwritable",
      `Cannot write the export to ${target}: ${
        reasonOf(error)
      }. Make its folder writable, or name another one.`,
    );
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
