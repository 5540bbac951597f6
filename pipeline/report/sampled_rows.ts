import { createLoader } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { leftOutPart, type Partition, testPart, trainPart } from "../examples/split.ts";
import { createRawRowReader, type GoldenRow } from "../model/golden.ts";

/** A row of raw fields with its label. */
export interface SampledRow {
  readonly features: GoldenRow;
  readonly label: number;
  /** Hash of the group. */
  readonly group: number;
  readonly weight: number;
}

/** Each field's importance takes a prediction of each row: this many in all, in about 30 ms. */
const predictionsMax = 10_000;
const [rowsMin, rowsMax] = [400, 4_000];

/** Returns how many rows a report samples. */
export function sampleSizeOf({ features }: Pick<FeatureSpec, "features">): number {
  return Math.max(rowsMin, Math.min(rowsMax, Math.floor(predictionsMax / (features.length + 1))));
}

/**
 * Picks rows to be evaluated, evenly spaced over the data: held-out ones, or training rows if none are held out.
 *
 * @param testShare Expected share of the held-out rows.
 */
export function sampleRows(
  { rowCount, chunks, levels }: RawExamples,
  spec: FeatureSpec,
  { partOf }: Partition,
  testShare: number,
): SampledRow[] {
  const wanted = sampleSizeOf(spec);
  const isWanted = testShare > 0
    ? (part: number) => part === testPart
    : (part: number) => part === trainPart || part === leftOutPart;
  // More than are needed: the share is that of the groups, and rows without one are in no part.
  const places = Math.min(rowCount, Math.ceil(1.25 * wanted / (testShare > 0 ? testShare : 1)));
  const placeOf = (i: number) => Math.floor((i * rowCount) / places);
  const loader = createLoader();
  const read = createRawRowReader(levels, spec);
  const sampled: SampledRow[] = [];
  let [end, next] = [0, 0];
  for (const stored of chunks) {
    const from = end;
    end += plainFields(stored).rowCount;
    if (next >= places || placeOf(next) >= end) continue;
    const chunk = loader.load(stored);
    for (; next < places && placeOf(next) < end; next++) {
      const at = placeOf(next) - from;
      if (!isWanted(partOf(chunk.groups[at], chunk.labels[at], at, chunk.times?.[at]))) continue;
      sampled.push({
        features: read(chunk, at),
        label: chunk.labels[at],
        group: chunk.groups[at],
        weight: chunk.weights?.[at] ?? 1,
      });
    }
  }
  const step = Math.max(1, sampled.length / wanted);
  return sampled.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
}
