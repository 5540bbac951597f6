import type { FeatureEncoder } from "../encode/encoder.ts";
import type { Axis } from "../encode/table_lookup.ts";
import { edgesOf, nameOf, partOf, type Span } from "./found_names.ts";
import type { AxisSums, Table } from "./found_sums.ts";
import { largest } from "./largest.ts";
import type { CurvePart, FieldCurve } from "./model_report.ts";

const partsMax = 40;

interface CurveInputs {
  readonly curve: Table | undefined;
  readonly sums: AxisSums;
  readonly range: readonly [min: number, max: number] | undefined;
}

/** Returns the curve of an axis, above its mean over the training rows. */
export function curveOf(
  { name, positionCount }: Axis,
  feature: FeatureEncoder,
  { curve, sums, range }: CurveInputs,
): FieldCurve {
  const part = partOf({ name }, feature);
  const edges = edgesOf(feature, part);
  const valueAt = (position: number) =>
    curve ? curve.coefficient * curve.cells[curve.positions[0][position]] : 0;
  const { rows } = sums.train;
  const total = rows.reduce((sum, count) => sum + count, 0);
  const mean = rows.reduce((sum, count, position) => sum + count * valueAt(position), 0) / total;
  const spread = rows.reduce((sum, count, position) => sum + count * Math.abs(valueAt(position) - mean), 0) /
    total;
  const reachOf = createPartReach(curve, rows);
  const spans = edges
    ? numberSpans(positionCount, (position) => curve ? curve.positions[0][position] : position, rows)
    : levelSpans(feature, positionCount);
  const withRows = spans.filter(({ positions }) =>
    sumAt(rows, positions) > 0 || sumAt(sums.evaluated.rows, positions) > 0
  );
  const shown = edges ? withRows : largestLevels(withRows, rows);
  return {
    field: feature.name,
    ...(part === undefined ? {} : { part }),
    type: feature.type === "binned" ? "numeric" : feature.type === "clock" ? "time" : "categorical",
    effects: "log-odds",
    spread,
    parts: shown.map((span): CurvePart => {
      const { positions, is } = span;
      const own = sumAt(rows, positions);
      const effect = own > 0
        ? positions.reduce((sum, position) => sum + rows[position] * valueAt(position), 0) / own
        : valueAt(positions[0]);
      const reach = reachOf?.(positions) ?? 0;
      return {
        ...nameOf(span, feature, part, edges, range),
        ...(is ? { is } : {}),
        effect: effect - mean,
        ...(reach > 0 ? { low: effect - mean - reach, high: effect - mean + reach } : {}),
        train: { rows: own, clicks: sumAt(sums.train.clicks, positions) },
        evaluated: {
          rows: sumAt(sums.evaluated.rows, positions),
          clicks: sumAt(sums.evaluated.clicks, positions),
          predicted: sumAt(sums.evaluated.predicted, positions),
        },
      };
    }),
    ...(shown.length < withRows.length ? { more: withRows.length - shown.length } : {}),
  };
}

/**
 * Creates a function that returns half the width of the interval of an effect: of the mean over the rows of some positions above the mean
 * over all rows.
 *
 * @param rows Training rows by position.
 */
function createPartReach(
  curve: Table | undefined,
  rows: Float64Array,
): ((positions: readonly number[]) => number) | undefined {
  const { reachOf, positions: [cellOf] = [] } = curve ?? {};
  if (!reachOf || !cellOf) return undefined;
  const add = (weights: Map<number, number>, position: number, weight: number) =>
    weights.set(cellOf[position], (weights.get(cellOf[position]) ?? 0) + weight);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const mean = new Map<number, number>();
  rows.forEach((count, position) => add(mean, position, -count / total));
  return (positions) => {
    const weights = new Map(mean);
    const own = sumAt(rows, positions);
    if (own === 0) add(weights, positions[0], 1);
    else for (const position of positions) add(weights, position, rows[position] / own);
    return reachOf(weights);
  };
}

function sumAt(values: Float64Array, positions: readonly number[]): number {
  return positions.reduce((sum, position) => sum + values[position], 0);
}

/** Joins consecutive positions of one row of the table; then those of the fewest rows with their neighbours. */
function numberSpans(positionCount: number, rowOf: (position: number) => number, rows: Float64Array): Span[] {
  const last = positionCount - 1;
  const spans: number[][] = [];
  for (let position = 0; position < last; position++) {
    const before = spans.at(-1);
    if (before && rowOf(before[0]) === rowOf(position)) before.push(position);
    else spans.push([position]);
  }
  while (spans.length > partsMax) {
    let least = 0;
    const joined = (i: number) => sumAt(rows, spans[i]) + sumAt(rows, spans[i + 1]);
    for (let i = 1; i + 1 < spans.length; i++) if (joined(i) < joined(least)) least = i;
    spans.splice(least, 2, spans[least].concat(spans[least + 1]));
  }
  return [...spans.map((positions) => ({ positions })), { positions: [last], is: "missing" as const }];
}

function levelSpans(feature: FeatureEncoder, positionCount: number): Span[] {
  const known = positionCount - (feature.type === "levels" ? 2 : 1);
  return Array.from({ length: positionCount }, (_, position) => ({
    positions: [position],
    ...(position < known ? {} : { is: position === known ? "missing" as const : "unseen" as const }),
  }));
}

function largestLevels(spans: readonly Span[], rows: Float64Array): readonly Span[] {
  if (spans.length <= partsMax) return spans;
  const known = spans.filter(({ is }) => is === undefined);
  const count = partsMax - (spans.length - known.length);
  const kept = new Set(
    largest(known.map(({ positions: [position] }) => rows[position]), count).map((i) => known[i]),
  );
  return spans.filter((span) => span.is !== undefined || kept.has(span));
}
