import { loadEach } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import { contributorOf, contributorsOf } from "../model/explanation.ts";
import { type Encoder, widthOf } from "../encode/encoder.ts";

/** How much a feature moves the predictions. */
export interface FeatureEffect {
  readonly feature: string;
  /** Mean absolute difference, in log-odds, between what the feature adds to a row and what it adds on average. */
  readonly effect: number;
}

/** Rows from which effects are computed; fewer of many features. */
const rowsMax = 4_096;
const cellsMax = 1e6;

/**
 * Computes the effect of each feature on the log-odds, largest first, from some of the rows. A cross or a rate counts towards the
 * last of its fields, a table of two fields for itself, as in an explanation.
 *
 * @param coefficients Shape (columns) or longer.
 * @see Lundberg & Lee, A Unified Approach to Interpreting Model Predictions (2017), for linear models.
 */
export function featureEffects(
  design: DesignMatrix,
  encoder: Encoder,
  coefficients: Float64Array,
): FeatureEffect[] {
  const names = encoder.tables ? contributorsOf(encoder) : encoder.features.map(({ name }) => name);
  const wanted = Math.max(1, Math.min(rowsMax, Math.floor(cellsMax / names.length)));
  const featureOf = featuresOfColumns(encoder, names);
  const rows: Float64Array[] = [];
  const filled = design.chunks.filter((chunk) => (plainFields(chunk).partEnds.at(-1) ?? 0) > 0);
  // Some rows of each of a few chunks, which are spread over the data.
  const chunkStep = Math.ceil(filled.length / 8);
  const chosen = filled.filter((_, i) => i % chunkStep === 0);
  for (const chunk of loadEach(chosen)) {
    const step = Math.max(1, Math.ceil(chunk.labels.length * chosen.length / wanted));
    for (let row = 0; row < chunk.labels.length; row += step) {
      rows.push(contributionsOf(design, chunk, row, { coefficients, featureOf, count: names.length }));
    }
  }
  return names.map((name, f) => {
    const mean = rows.reduce((sum, own) => sum + own[f], 0) / rows.length;
    return {
      feature: name,
      effect: rows.reduce((sum, own) => sum + Math.abs(own[f] - mean), 0) / rows.length,
    };
  }).sort((a, b) => b.effect - a.effect);
}

/** Returns the index of the feature of each column; of one in a table, that of its field or pair among the names. */
function featuresOfColumns(encoder: Encoder, names: readonly string[]): Uint32Array {
  const { features, crosses = [], rates = [], tables = [], columnCount } = encoder;
  const featureOf = new Uint32Array(columnCount);
  features.forEach((feature, f) => featureOf.fill(f, feature.column, feature.column + widthOf(feature)));
  const lastOf = (of: readonly string[]) => features.findLastIndex(({ name }) => of.includes(name));
  for (const { of, keys, column } of crosses) featureOf.fill(lastOf(of), column, column + keys.length);
  for (const { of, column } of rates) featureOf[column] = lastOf(of);
  for (const table of tables) featureOf[table.column] = names.lastIndexOf(contributorOf(table, encoder));
  return featureOf;
}

interface Columns {
  readonly coefficients: Float64Array;
  readonly featureOf: Uint32Array;
  /** Number of features. */
  readonly count: number;
}

function contributionsOf(
  { numericColumns, groups }: DesignMatrix,
  { numeric, cells }: DesignChunk,
  row: number,
  { coefficients, featureOf, count }: Columns,
): Float64Array {
  const own = new Float64Array(count);
  numericColumns.forEach((column, j) => {
    own[featureOf[column]] += coefficients[column] * numeric[row * numericColumns.length + j];
  });
  groups.forEach(({ fieldCount, columns }, g) => {
    const first = cells[g][row] * fieldCount;
    for (let at = first; at < first + fieldCount; at++) {
      const column = columns[at];
      if (column >= 0) own[featureOf[column]] += coefficients[column];
    }
  });
  return own;
}
