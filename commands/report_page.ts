import { existsSync, statSync } from "node:fs";
import { Failure, usageInvalid } from "../pipeline/failure.ts";
import { writeText } from "../pipeline/files/written_file.ts";
import type { ArtifactStore } from "../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import type { ModelRow } from "../pipeline/model/registry.ts";
import {
  type Evaluated,
  evaluatedReport,
  reportWithoutTraining,
} from "../pipeline/report/evaluated_report.ts";
import type { ModelReport } from "../pipeline/report/model_report.ts";
import { readReport, reportName } from "../pipeline/report/report_file.ts";
import type { Flags } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** The flag of commands that write the page of a report. */
export const reportFlag = {
  report: {
    type: "string",
    value: "FILE.html",
    path: "whole",
    flagOnly: true,
    help: "also write a report to look at: plots, what they show, and whether it is good",
  },
} as const satisfies Flags;

/** Also the flag that replaces a page. */
export const reportFlags = {
  ...reportFlag,
  replace: { type: "boolean", help: "replace an existing report" },
} as const satisfies Flags;

interface ReportOptions {
  readonly report: string | undefined;
  readonly replace: boolean;
}

/**
 * Checks that a report can be written before the work begins that it is about.
 *
 * @throws {Failure} `usage-invalid` for a name that is not one of HTML; `file-unwritable` for a folder, and for a file that exists.
 */
export function requireReportPath({ report: path, replace }: ReportOptions): void {
  if (path === undefined) return;
  if (!/\.html?$/i.test(path)) {
    throw usageInvalid(`--report is "${path}", expected the name of a page: FILE.html`);
  }
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    throw new Failure("file-unwritable", `Cannot write ${path}: it is a folder. Name a file.`);
  }
  if (!replace) {
    throw new Failure(
      "file-unwritable",
      `Cannot write ${path}: it exists already. Replace it with --replace.`,
    );
  }
}

/**
 * The same for a training, of which a repeated one writes no page.
 *
 * @throws {Failure} as `requireReportPath`; `usage-invalid`
 */
export function requireTrainedReport(
  options: ReportOptions & { readonly repeat: string | undefined },
): void {
  if (options.report !== undefined && options.repeat !== undefined) {
    throw usageInvalid("--report is of a whole training: clickwell evaluate MODEL --report FILE.html");
  }
  requireReportPath(options);
}

/** Writes the page of a report, and says where it is. @throws {Failure} `file-unwritable` */
export async function writeReport(path: string, report: ModelReport, terminal: Terminal): Promise<void> {
  const { renderReport } = await import("../pipeline/report_page/render_report.ts");
  writeText(path, renderReport(report).html);
  terminal.say(`report: ${path}`);
}

/**
 * Writes the page of the report that the training of a model has kept.
 *
 * @returns What `--json` adds to the result.
 * @throws {Failure} `file-missing`, `artifact-corrupt`; `file-unwritable`
 */
export async function writeTrainedReport(
  { report: path }: Pick<ReportOptions, "report">,
  { model: { modelId } }: { readonly model: Pick<ModelRow, "modelId"> },
  { artifacts, terminal }: PageContext,
): Promise<{ readonly report?: string }> {
  if (path === undefined) return {};
  await writeReport(path, await storedReport(artifacts, modelId), terminal);
  return { report: path };
}

/**
 * Writes the page of an evaluation: what it found, and what the training has kept of the model. A model of an older version, or one
 * that continues another, has only what its own files say.
 *
 * @param found.rows The rows that were evaluated.
 * @returns What `--json` adds to the result.
 * @throws {Failure} `file-unwritable`
 */
export async function writeEvaluatedReport(
  { report: path }: Pick<ReportOptions, "report">,
  { model, ...evaluated }: Evaluated & {
    readonly model: { readonly id: string; readonly metadata: ArtifactMetadata };
  },
  { artifacts, terminal }: PageContext,
): Promise<{ readonly report?: string }> {
  if (path === undefined) return {};
  const stored = await readableReport(artifacts, model.id);
  const report = stored
    ? evaluatedReport(stored, model.metadata, evaluated)
    : reportWithoutTraining(model, evaluated);
  await writeReport(path, report, terminal);
  return { report: path };
}

/** Returns undefined for a report that was changed, too: the evaluation makes a new one. */
async function readableReport(artifacts: ArtifactStore, modelId: string): Promise<ModelReport | undefined> {
  try {
    return await readReport(artifacts, modelId);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

interface PageContext {
  readonly artifacts: ArtifactStore;
  readonly terminal: Terminal;
}

async function storedReport(artifacts: ArtifactStore, modelId: string): Promise<ModelReport> {
  const report = await readReport(artifacts, modelId);
  if (report) return report;
  throw new Failure(
    "file-missing",
    `Cannot write the report of the training: ${modelId} has no ${reportName}. ` +
      `Make one of its rows: clickwell evaluate ${modelId} --report FILE.html`,
  );
}
