import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { Failure } from "../../pipeline/failure.ts";
import { unpackPrecision } from "../../pipeline/model/packed_precision.ts";
import type { ColumnPredictor } from "../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../pipeline/model/column_predictor.ts";
import { invertPrecision, type StandardErrorOf } from "../../pipeline/model/standard_error.ts";
import { createDrawnError, unpackDraws } from "../../pipeline/model/table_draws.ts";
import { createExplainer, type Explainer } from "../../pipeline/model/explanation.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";

/** Explains rows and computes intervals. Each part is created at its first use. */
export type RowExplainer = ReturnType<typeof createRowExplainer>;

/** How long the thread works before it serves other requests. */
const sliceMs = 2;

export function createRowExplainer(metadata: ArtifactMetadata) {
  let columnPredictor: { readonly made: ColumnPredictor | undefined } | undefined;
  let explainer: Explainer | undefined;
  let standardError: Promise<StandardErrorOf> | undefined;
  return {
    /** @returns undefined for a model with hidden layers. */
    columnPredictor: (): ColumnPredictor | undefined =>
      (columnPredictor ??= { made: createColumnPredictor(metadata) }).made,
    explainer: (): Explainer => explainer ??= createExplainer(metadata),
    /** Rejects with `interval-missing`. */
    standardError: (): Promise<StandardErrorOf> => standardError ??= standardErrorOf(metadata),
  };
}

async function standardErrorOf(
  { encoder, precision: text, covariance, draws }: ArtifactMetadata,
): Promise<StandardErrorOf> {
  const drawn = draws && unpackDraws(draws, encoder);
  if (drawn) return createDrawnError(encoder, drawn);
  const precision = text === undefined ? undefined : unpackPrecision(text, encoder.columnCount + 1);
  if (!precision) throw intervalMissing();
  const robust = covariance === undefined ? undefined : unpackPrecision(covariance, encoder.columnCount + 1);
  if (covariance !== undefined && !robust) throw intervalMissing();
  const work = invertPrecision(encoder, precision, robust);
  for (let start = performance.now();;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - start < sliceMs) continue;
    await yieldToEventLoop();
    start = performance.now();
  }
}

function intervalMissing(): Failure {
  return new Failure(
    "interval-missing",
    "The model in production has no intervals, because it has no covariance of its coefficients: it was trained with an " +
      "L1 penalty, by mini-batches, with class weights, has too many columns, or is of curves and tables. Ask without interval, or train with " +
      "--penalty l2 or none, or curves and tables with --intervals bootstrap.",
  );
}
