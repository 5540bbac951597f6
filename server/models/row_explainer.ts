import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { Failure } from "../../pipeline/failure.ts";
import { unpackPrecision } from "../../pipeline/model/packed_precision.ts";
import { type ColumnPredictor, createColumnPredictor } from "../../pipeline/model/column_predictor.ts";
import { type Certainty, invertPrecision } from "../../pipeline/model/standard_error.ts";
import { createExplainer, type Explainer } from "../../pipeline/model/explanation.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";

/** What a model can do with rows beside answering one. It is prepared when it is first asked for. */
export interface RowExplainer {
  /** @returns undefined for a model with hidden layers. */
  columnPredictor(): ColumnPredictor | undefined;
  explainer(): Explainer;
  /**
   * @throws {Failure} `interval-missing`
   */
  certainty(): Promise<Certainty>;
}

/** How long the thread that also answers others works at once. */
const sliceMs = 2;

export function createRowExplainer(metadata: ArtifactMetadata): RowExplainer {
  let columnPredictor: { readonly made: ColumnPredictor | undefined } | undefined;
  let explainer: Explainer | undefined;
  let certainty: Promise<Certainty> | undefined;
  return {
    columnPredictor: () => (columnPredictor ??= { made: createColumnPredictor(metadata) }).made,
    explainer: () => explainer ??= createExplainer(metadata),
    certainty: () => certainty ??= certaintyOf(metadata),
  };
}

async function certaintyOf({ encoder, precision: text }: ArtifactMetadata): Promise<Certainty> {
  const precision = text === undefined ? undefined : unpackPrecision(text, encoder.columnCount + 1);
  if (!precision) throw intervalMissing();
  const work = invertPrecision(encoder, precision);
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
    "The model in production keeps no covariance of its coefficients, so there are no intervals: it was trained with an " +
      "l1 part, by mini-batches, with class weights, or has too many columns. Ask without interval, or train with " +
      "--penalty l2 or none.",
  );
}
