import { loadEach } from "../chunks/chunk_loader.ts";
import { isSpilled } from "../chunks/stored_chunk.ts";
import { type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";

/** What a design's parts have, shape (parts) each. */
export interface PartSums {
  /** Rows that were clicked. */
  readonly clicks: readonly number[];
  /** Sum of the rows' weights: their count, if each counts once. */
  readonly weights: readonly number[];
  /** The same of the rows that were clicked. */
  readonly clickWeights: readonly number[];
}

export function partSumsOf(design: DesignMatrix): PartSums {
  const [clicks, weights, clickWeights] = [0, 1, 2].map(() => design.partRows.map(() => 0));
  for (const chunk of loadEach(design.chunks)) {
    const { labels, weights: own } = chunk;
    for (const part of clicks.keys()) {
      forRowRanges(chunk, [part], (from, to) => {
        for (let i = from; i < to; i++) clicks[part] += labels[i];
        for (let i = from; own && i < to; i++) {
          weights[part] += own[i];
          clickWeights[part] += own[i] * labels[i];
        }
      });
    }
  }
  return isWeighted(design)
    ? { clicks, weights, clickWeights }
    : { clicks, weights: design.partRows, clickWeights: clicks };
}

function isWeighted({ chunks }: DesignMatrix): boolean {
  return chunks.some((stored) => (isSpilled(stored) ? stored.fields : stored).weights !== undefined);
}
