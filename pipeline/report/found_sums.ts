import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import type { Axis, UnpackedTable } from "../encode/table_lookup.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";

/** Rows of a model of curves and tables. */
export interface FoundRows {
  /** Whose columns are the tables. */
  readonly design: DesignMatrix;
  /** Axes of the encoder; a text, whose words are not looked up, has none. */
  readonly axes: readonly {
    readonly name: string;
    /** Bin of each row of the design, chunk by chunk. */
    readonly codes: ArrayLike<number>;
    /** The encoder's position of each bin. */
    readonly positions: Int32Array;
    /** Least and greatest number of the training rows. */
    readonly range?: readonly [min: number, max: number] | undefined;
  }[];
  readonly trainParts: readonly number[];
  readonly evaluatedParts: readonly number[];
  /** Returns the model's probability of log-odds. */
  readonly probabilityOf: (logit: number) => number;
}

/** A model of curves and tables. */
export interface FoundTables {
  readonly encoder: Encoder;
  /** Shape (columns). */
  readonly coefficients: ArrayLike<number>;
  readonly intercept: number;
  readonly draws?: ArtifactMetadata["draws"];
}

/** A curve or table with its coefficient. */
export interface Table extends UnpackedTable {
  readonly coefficient: number;
  readonly of: readonly string[];
  /** Returns half the width of the 90 % interval of a weighted sum of cells; absent if the model has no draws. */
  readonly reachOf: ((weights: Iterable<readonly [cell: number, weight: number]>) => number) | undefined;
}

/** Sums of rows by their position or cell, each row counted by its weight. */
export interface Sums {
  readonly rows: Float64Array;
  readonly clicks: Float64Array;
}

export interface AxisSums {
  readonly train: Sums;
  readonly evaluated: Sums & { readonly predicted: Float64Array };
}

/** Counts rows by position of each axis, and by cell of each pair. */
export function sumRows(
  { coefficients, intercept }: FoundTables,
  rows: FoundRows,
  axes: readonly Axis[],
  pairs: readonly Table[],
) {
  const sumsOf = (count: number) => ({ rows: new Float64Array(count), clicks: new Float64Array(count) });
  const ofAxes = axes.map(({ positionCount }): AxisSums => ({
    train: sumsOf(positionCount),
    evaluated: { ...sumsOf(positionCount), predicted: new Float64Array(positionCount) },
  }));
  const ofPairs = pairs.map(({ cells }) => sumsOf(cells.length));
  const { design, trainParts, evaluatedParts, probabilityOf } = rows;
  const width = design.numericColumns.length;
  const bins = axes.map(({ name }) => rows.axes.find((axis) => axis.name === name));
  const positionAt = (a: number, row: number) => bins[a]?.positions[bins[a].codes[row]] ?? 0;
  let before = 0;
  for (const { numeric, labels, weights, partEnds } of loadEach(design.chunks)) {
    forRowRanges({ partEnds }, trainParts, (from, to) => {
      for (let i = from; i < to; i++) {
        const [weight, click] = [weights?.[i] ?? 1, labels[i]];
        ofAxes.forEach(({ train }, a) => add(train, positionAt(a, before + i), weight, click));
        pairs.forEach(({ axes: [a, b], positions: [down, across], columnCount }, p) => {
          const row = down[positionAt(a, before + i)];
          add(ofPairs[p], row * columnCount + across[positionAt(b, before + i)], weight, click);
        });
      }
    });
    forRowRanges({ partEnds }, evaluatedParts, (from, to) => {
      for (let i = from; i < to; i++) {
        let logit = intercept;
        for (let t = 0; t < width; t++) logit += coefficients[t] * numeric[i * width + t];
        const [weight, click] = [weights?.[i] ?? 1, labels[i]];
        const predicted = weight * probabilityOf(logit);
        ofAxes.forEach(({ evaluated }, a) => {
          const position = positionAt(a, before + i);
          add(evaluated, position, weight, click);
          evaluated.predicted[position] += predicted;
        });
      }
    });
    before += labels.length;
  }
  return { axes: ofAxes, pairs: ofPairs };
}

function add({ rows, clicks }: Sums, at: number, weight: number, click: number): void {
  rows[at] += weight;
  clicks[at] += weight * click;
}
