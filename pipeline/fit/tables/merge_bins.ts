import type { Table } from "./forest_tables.ts";

/**
 * Merges like rows and like columns of a table, or like bins of a curve. The two adjacent lines whose union costs least are merged, while
 * the sum of the costs ½ · Σ w₁w₂ / (w₁ + w₂) · (v₁ − v₂)² stays within the budget; a merged cell is the weighted mean. Levels are adjacent
 * in the order of their means. Bin 0 keeps its line.
 *
 * @param weights Weight of each cell: that of its rows in the loss's curvature.
 * @param isNumeric Whether the axis of each field is in the order of its values.
 * @param budget In units of the sum of the rows' losses.
 */
export function mergeBins(
  table: Table,
  weights: Float64Array,
  isNumeric: readonly boolean[],
  budget: number,
): Table {
  const [rowCount, columnCount] = table.shape;
  const share = table.fields.length === 1 ? budget : budget / 2;
  const rows = mergeLines({ cells: table.cells, weights, count: rowCount, width: columnCount }, {
    isOrdered: isNumeric[0],
    alone: table.positions[0][0],
    budget: share,
  });
  const positions = [table.positions[0].map((at) => rows.lineOf[at])];
  if (table.fields.length === 1) {
    return { ...table, positions, shape: [rows.count, 1], cells: rows.cells };
  }
  const turned = transposed(rows.cells, rows.weights, rows.count, columnCount);
  const columns = mergeLines(turned, {
    isOrdered: isNumeric[1],
    alone: table.positions[1][0],
    budget: share,
  });
  positions.push(table.positions[1].map((at) => columns.lineOf[at]));
  const back = transposed(columns.cells, columns.weights, columns.count, rows.count);
  return { ...table, positions, shape: [rows.count, columns.count], cells: back.cells };
}

/** Lines of a table: its rows, or its columns. */
interface Lines {
  /** Shape (count, width), as are the weights. */
  readonly cells: Float64Array;
  readonly weights: Float64Array;
  readonly count: number;
  readonly width: number;
}

interface LineOptions {
  readonly isOrdered: boolean;
  /** The line of bin 0. */
  readonly alone: number;
  readonly budget: number;
}

function transposed(cells: Float64Array, weights: Float64Array, rows: number, columns: number): Lines {
  const [turned, turnedWeights] = [new Float64Array(cells.length), new Float64Array(cells.length)];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      turned[c * rows + r] = cells[r * columns + c];
      turnedWeights[c * rows + r] = weights[r * columns + c];
    }
  }
  return { cells: turned, weights: turnedWeights, count: columns, width: rows };
}

function mergeLines(lines: Lines, { isOrdered, alone, budget }: LineOptions): Lines & { lineOf: Int32Array } {
  const { count, width } = lines;
  const cells = lines.cells.slice();
  const weights = lines.weights.slice();
  const order = Array.from({ length: count }, (_, i) => i).filter((i) => i !== alone);
  if (!isOrdered) {
    const means = order.map((line) => meanOf(cells, weights, line, width));
    const meanOfLine = new Map(order.map((line, i) => [line, means[i]]));
    order.sort((a, b) => (meanOfLine.get(a) ?? 0) - (meanOfLine.get(b) ?? 0) || a - b);
  }
  // The line that each was merged into, and the neighbours of those that are left, as places in the order.
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const next = order.map((_, i) => i + 1);
  const previous = order.map((_, i) => i - 1);
  const costs = order.map((line, i) =>
    i + 1 < order.length ? costOf(cells, weights, line, order[i + 1], width) : Infinity
  );
  for (let spent = 0;;) {
    let best = -1;
    for (let i = 0; i < costs.length; i++) if (costs[i] < (best < 0 ? Infinity : costs[best])) best = i;
    if (best < 0 || spent + costs[best] > budget) break;
    spent += costs[best];
    const gone = next[best];
    merge(cells, weights, order[best], order[gone], width);
    parent[order[gone]] = order[best];
    next[best] = next[gone];
    costs[gone] = Infinity;
    const after = next[best];
    if (after < order.length) previous[after] = best;
    costs[best] = after < order.length ? costOf(cells, weights, order[best], order[after], width) : Infinity;
    const before = previous[best];
    if (before >= 0) costs[before] = costOf(cells, weights, order[before], order[best], width);
  }
  return gather({ cells, weights, count, width }, parent, order, alone);
}

/** Numbers the lines that are left: that of bin 0 first, the others in their order. */
function gather(
  { cells, weights, count, width }: Lines,
  parent: Int32Array,
  order: readonly number[],
  alone: number,
) {
  const left = [alone, ...order.filter((line) => parent[line] === line)];
  const numbers = new Int32Array(count).fill(-1);
  left.forEach((line, i) => numbers[line] = i);
  const lineOf = new Int32Array(count);
  for (let line = 0; line < count; line++) {
    let root = line;
    while (parent[root] !== root) root = parent[root];
    lineOf[line] = numbers[root];
  }
  const [kept, keptWeights] = [new Float64Array(left.length * width), new Float64Array(left.length * width)];
  left.forEach((line, i) => {
    kept.set(cells.subarray(line * width, (line + 1) * width), i * width);
    keptWeights.set(weights.subarray(line * width, (line + 1) * width), i * width);
  });
  return { cells: kept, weights: keptWeights, count: left.length, width, lineOf };
}

function meanOf(cells: Float64Array, weights: Float64Array, line: number, width: number): number {
  let [sum, total, plain] = [0, 0, 0];
  for (let i = line * width; i < (line + 1) * width; i++) {
    sum += weights[i] * cells[i];
    total += weights[i];
    plain += cells[i];
  }
  return total > 0 ? sum / total : plain / width;
}

function costOf(cells: Float64Array, weights: Float64Array, a: number, b: number, width: number): number {
  let cost = 0;
  for (let i = 0; i < width; i++) {
    const [one, other] = [a * width + i, b * width + i];
    const total = weights[one] + weights[other];
    if (total > 0) cost += weights[one] * weights[other] / total * (cells[one] - cells[other]) ** 2;
  }
  return cost / 2;
}

/** Merges a line into another, cell by cell. */
function merge(cells: Float64Array, weights: Float64Array, into: number, line: number, width: number): void {
  for (let i = 0; i < width; i++) {
    const [one, other] = [into * width + i, line * width + i];
    const total = weights[one] + weights[other];
    cells[one] = total > 0
      ? (weights[one] * cells[one] + weights[other] * cells[other]) / total
      : (cells[one] + cells[other]) / 2;
    weights[one] = total;
  }
}
