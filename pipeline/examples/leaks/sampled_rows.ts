import type { LeakRows } from "./leak_rows.ts";

/** Rows in columns. */
export interface SampledRows {
  readonly rowCount: number;
  /** Per column, shape (rows): numbers, NaN for missing, or codes, 0 for missing. */
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
  /** Shape (rows); their sum is the effective number of rows. */
  readonly weights: Float64Array;
  /** Shape (rows): the groups, numbered from 0. */
  readonly groups?: Uint32Array;
  readonly groupCount: number;
  /** Shape (rows), microseconds since 1970-01-01T00:00:00Z. */
  readonly times?: Float64Array;
  /** Shape (rows): 1 if the row is held out. */
  readonly heldOut?: Uint8Array;
}

/** Collects rows. Rows beyond `capacity` are dropped. */
export function createRowBuffer(columnCount: number, capacity: number) {
  const columns = Array.from({ length: columnCount }, () => new Float64Array(capacity));
  const labels = new Uint8Array(capacity);
  const weights = new Float64Array(capacity).fill(1);
  const groups = new Uint32Array(capacity);
  const times = new Float64Array(capacity);
  const heldOut = new Uint8Array(capacity);
  const numberOf = new Map<number, number>();
  const has = { groups: false, times: false, heldOut: false };
  let [count, isFull] = [0, false];
  return {
    isFull: () => isFull,
    add(rows: LeakRows, row: number): void {
      if (count === capacity) {
        isFull = true;
        return;
      }
      for (let c = 0; c < columnCount; c++) {
        const { values, offset = 0, stride = 1 } = rows.columns[c];
        columns[c][count] = values[offset + stride * row];
      }
      labels[count] = rows.labels[row];
      if (rows.weights) weights[count] = rows.weights[row];
      if (rows.groups) groups[count] = numberOf.getOrInsertComputed(rows.groups[row], () => numberOf.size);
      if (rows.times) times[count] = rows.times[row];
      if (rows.isHeldOut?.(row)) heldOut[count] = 1;
      has.groups ||= rows.groups !== undefined;
      has.times ||= rows.times !== undefined;
      has.heldOut ||= rows.isHeldOut !== undefined;
      count++;
    },
    take(): SampledRows {
      return {
        rowCount: count,
        columns: columns.map((column) => column.subarray(0, count)),
        labels: labels.subarray(0, count),
        weights: scaled(weights.subarray(0, count)),
        ...(has.groups ? { groups: groups.subarray(0, count) } : {}),
        groupCount: numberOf.size,
        ...(has.times ? { times: times.subarray(0, count) } : {}),
        ...(has.heldOut ? { heldOut: heldOut.subarray(0, count) } : {}),
      };
    },
  };
}

/** Scales weights so that their sum is the number of equally weighted rows that would say as much. */
function scaled(weights: Float64Array): Float64Array {
  let [sum, squares] = [0, 0];
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  const scale = squares > 0 && squares < Infinity ? sum / squares : 0;
  return scale === 1 ? weights : weights.map((weight) => weight * scale);
}

/** Returns rows whose weights sum to the number of independent rows: rows of a group repeat each other as far as their labels do. */
export function withoutRepeats(rows: SampledRows): SampledRows {
  const { groups, groupCount, labels, weights } = rows;
  if (!groups) return rows;
  const rate = weights.reduce((sum, weight, i) => sum + weight * labels[i], 0) /
    weights.reduce((a, b) => a + b, 0);
  const surplus = new Float64Array(groupCount);
  let independent = 0;
  weights.forEach((weight, i) => {
    surplus[groups[i]] += weight * (labels[i] - rate);
    independent += weight ** 2 * rate * (1 - rate);
  });
  const repeats = surplus.reduce((sum, value) => sum + value ** 2, 0) / independent;
  return repeats > 1 ? { ...rows, weights: weights.map((weight) => weight / repeats) } : rows;
}
