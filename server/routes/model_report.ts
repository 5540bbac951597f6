import { Failure } from "../../pipeline/failure.ts";
import { type ArtifactStore, equalBytes } from "../../pipeline/model/artifact.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { parseReport, reportName } from "../../pipeline/report/report_file.ts";
import { createLru } from "../../pipeline/runtime/lru.ts";
import type { OperationSchemas } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";
import type { Route } from "../http/route.ts";

/** Pages that are kept: rendering one takes about half a second. */
const pagesMax = 8;

const schemas: OperationSchemas = { answer: { "text/html": { type: "string" } } };

/** A page, and the file that it was made of. */
interface KeptPage {
  readonly bytes: Uint8Array;
  readonly html: string;
  readonly policy: string;
}

/**
 * Returns the route of a model's report as a page. What renders it is loaded at the first request, in the primary thread: starting and
 * predicting need nothing of it.
 */
export function modelReportRoute({ registry, artifacts }: {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
}): Route {
  const pages = createLru<KeptPage>(pagesMax);
  const pageOf = async (modelId: string): Promise<KeptPage> => {
    const bytes = await artifacts.readKept(modelId, reportName);
    if (bytes === undefined) throw reportMissing(modelId);
    const kept = pages.get(modelId);
    if (kept && equalBytes(kept.bytes, bytes)) return kept;
    const report = parseReport(bytes, modelId);
    const { renderReport } = await import("../../pipeline/report_page/render_report.ts");
    const { html, styleHashes } = renderReport(report);
    const page = { bytes, html, policy: policyOf(styleHashes) };
    pages.set(modelId, page);
    return page;
  };
  return {
    method: "GET",
    path: "/models/:id/report",
    summary: "the report of a model as a page: how good it is, what it does, and on what data it was trained",
    primary: true,
    operation: {
      id: "modelReport",
      tag: "models",
      parameters: [{
        name: "id",
        in: "path",
        description: "a model's id, version or alias",
        schema: { type: "string", pattern: "^[A-Za-z0-9_-]{1,80}$", examples: ["1"] },
      }],
      problems: [
        "model-unknown",
        "report-missing",
        "artifact-corrupt",
        "artifacts-unavailable",
        ...readingProblems,
      ],
      schemas: () => schemas,
    },
    async handle({ parameters: { id } }) {
      const { modelId } = await registry.findModel(id);
      const { html, policy } = await pageOf(modelId);
      return new Response(html, {
        headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
      });
    },
  };
}

/** The page loads nothing and runs nothing: its own styles apply, and no site may frame it. */
function policyOf(styleHashes: readonly string[]): string {
  const styles = styleHashes.map((hash) => `'sha256-${hash}'`).join(" ");
  return `default-src 'none'; style-src ${styles}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
}

function reportMissing(modelId: string): Failure {
  return new Failure(
    "report-missing",
    `The model ${modelId} has no report: it was trained by an earlier version, or continued with rows of one label only. ` +
      `clickwell evaluate ${modelId} --report FILE.html writes one.`,
  );
}
