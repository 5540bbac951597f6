import type { Walk } from "../examples/ordered_chunk.ts";
import { trainPart } from "../examples/split.ts";
import { baseRateOf, decayOf, rateValue, rateValueAtTime, type RowSums } from "./click_rate.ts";
import type { RateDecay } from "./encoder.ts";
import type { KeyTable } from "./key_table.ts";

/** A rate whose rows lose weight with their age. */
export interface DecayedRate {
  /** Per key, as of `asOf`. */
  readonly totals: readonly RowSums[];
  readonly base: number;
  readonly decay: RateDecay;
  /** Shape (rows of all chunks): the value of each row's column. */
  readonly values: Float64Array;
}

interface DecayOptions {
  readonly prior: number;
  readonly decay: Omit<RateDecay, "asOf">;
}

/**
 * Computes a rate of decayed rows. A row has the rate of the training rows before its time, decayed to its time, which excludes its own
 * label; rows of the same time do not count for each other. A row that is not a training row, and not earlier than the last of them, has
 * the rate that serving has, and so has any row without a time, which counts for none.
 */
export function fitDecayed(table: KeyTable, walk: Walk, options: DecayOptions): DecayedRate {
  const { prior } = options;
  const keyCount = table.keys.length;
  const rows = collectRows(table, walk);
  const { places, times, trainWeights, labels } = rows;
  // The last key has the sums of all rows.
  const sums = createDecayedSums(keyCount + 1, options.decay.halfLife);
  const values = new Float64Array(times.length);
  const order = Uint32Array.from(times.keys()).filter((row) => times[row] === times[row])
    .sort((a, b) => times[a] - times[b] || a - b);
  let asOf = 0;
  for (let from = 0, to = 0; from < order.length; from = to) {
    const time = times[order[from]];
    const base = baseRateOf(sums.at(keyCount, time));
    for (to = from; to < order.length && times[order[to]] === time; to++) {
      const place = places[order[to]];
      if (place > 0) values[order[to]] = rateValue(sums.at(place - 1, time), { base, prior });
    }
    for (let i = from; i < to; i++) {
      const row = order[i];
      if (trainWeights[row] === 0) continue;
      asOf = time;
      for (const place of [places[row] - 1, keyCount]) sums.add(place, time, trainWeights[row], labels[row]);
    }
  }
  const totals = Array.from({ length: keyCount }, (_, place) => sums.at(place, asOf));
  const base = baseRateOf(sums.at(keyCount, asOf));
  const decay = { ...options.decay, asOf };
  for (let row = 0; row < values.length; row++) {
    if (trainWeights[row] > 0 || times[row] < asOf || places[row] === 0) continue;
    values[row] = rateValueAtTime(totals[places[row] - 1], { base, prior, decay }, times[row]);
  }
  return { totals, base, decay, values };
}

/** Sums of rows per key, each of which has lost half of its weight per half-life. */
function createDecayedSums(keyCount: number, halfLife: number) {
  const [rows, clicks, last] = [
    new Float64Array(keyCount),
    new Float64Array(keyCount),
    new Float64Array(keyCount),
  ];
  const at = (place: number, time: number): RowSums => {
    const factor = rows[place] === 0 ? 0 : decayOf(time - last[place], halfLife);
    return { rows: rows[place] * factor, clicks: clicks[place] * factor };
  };
  return {
    at,
    add(place: number, time: number, weight: number, label: number): void {
      const before = at(place, time);
      rows[place] = before.rows + weight;
      clicks[place] = before.clicks + weight * label;
      last[place] = time;
    },
  };
}

/** All rows, in the order of their chunks, shape (rows) each. */
interface CollectedRows {
  readonly places: Uint32Array;
  readonly times: Float64Array;
  /** 0 for a row that is not a training row, or has no time. */
  readonly trainWeights: Float64Array;
  readonly labels: Uint8Array;
}

function collectRows({ placesOf }: KeyTable, walk: Walk): CollectedRows {
  let rowCount = 0;
  for (const chunk of walk()) rowCount += chunk.rowCount;
  const rows = {
    places: new Uint32Array(rowCount),
    times: new Float64Array(rowCount),
    trainWeights: new Float64Array(rowCount),
    labels: new Uint8Array(rowCount),
  };
  let first = 0;
  for (const chunk of walk()) {
    const { times, weights, labels, partEnds } = chunk;
    if (!times) throw new Error("the rows of a rate with a half-life have no times");
    rows.places.set(placesOf(chunk), first);
    rows.times.set(times, first);
    rows.labels.set(labels, first);
    for (let i = 0; i < times.length; i++) {
      const isCounted = i < partEnds[trainPart] && times[i] === times[i];
      rows.trainWeights[first + i] = isCounted ? weights?.[i] ?? 1 : 0;
    }
    first += chunk.rowCount;
  }
  return rows;
}
