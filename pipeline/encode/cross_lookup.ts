import { rateValueAtTime } from "./click_rate.ts";
import { divisionsOf } from "./divisions.ts";
import { type CombinedFields, type Encoder, positionCountOf, type RateEncoder } from "./encoder.ts";
import { isTime, readTime } from "./time_feature.ts";

/** Receives a nonzero column of a combination that a row has, and its value. */
export type TakeCombined = (column: number, value: number) => void;

/** One field's part in crosses and rates. To be used for each field of a cross or a rate, in the order of the encoder. */
export interface Crossing {
  /** The field's position in a row, to be set before `complete`; of a numeric field, the one in each of its divisions. */
  readonly positions: Int32Array;
  /**
   * Passes on the columns of all crosses and rates of which this is the last field.
   *
   * @param time The row's time, if rates decay; NaN if it has none.
   */
  complete(take: TakeCombined, time: number): void;
}

/** @returns Per field; undefined if the field is in no cross and no rate. */
export function createCrossings(
  { features, crosses = [], rates = [] }: Encoder,
): (Crossing | undefined)[] {
  const counts = features.map((feature) =>
    feature.type === "numeric" ? Math.max(1, divisionsOf(feature).length) : 1
  );
  const firsts = counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
  const positions = new Int32Array(counts.reduce((sum, count) => sum + count, 0));
  const prepare = ({ of, divisions = [] }: CombinedFields, passOn: PassOn) => {
    const fields = of.map((name) => features.findIndex((feature) => feature.name === name));
    const places = fields.map((field, i) => firsts[field] + (divisions[i] ?? 0));
    const bases = fields.map((field, i) => positionCountOf(features[field], divisions[i]));
    return { fields, places, bases, passOn };
  };
  const prepared = [
    ...crosses.map((cross) => prepare(cross, passColumn(cross.keys, cross.column))),
    ...rates.map((rate) => prepare(rate, passRate(rate))),
  ];
  return features.map((_, own): Crossing | undefined => {
    if (!prepared.some(({ fields }) => fields.includes(own))) return undefined;
    const completed = prepared.filter(({ fields }) => fields[fields.length - 1] === own);
    return {
      positions: positions.subarray(firsts[own], firsts[own] + counts[own]),
      complete(take, time) {
        for (const { places, bases, passOn } of completed) {
          let key = 0;
          for (let i = 0; i < places.length; i++) key = key * bases[i] + positions[places[i]];
          passOn(key, take, time);
        }
      },
    };
  });
}

/** Passes on the columns of a combination. */
type PassOn = (key: number, take: TakeCombined, time: number) => void;

function passColumn(keys: readonly number[], first: number): PassOn {
  const columnOf = new Map(keys.map((key, i) => [key, first + i]));
  return (key, take) => {
    const column = columnOf.get(key);
    if (column !== undefined) take(column, 1);
  };
}

function passRate(rate: RateEncoder): PassOn {
  const { keys, column, decay } = rate;
  const placeOf = new Map(keys.map((key, i) => [key, i]));
  const values = Float64Array.from(keys, (_, i) => rateValueAt(rate, i, NaN));
  return (key, take, time) => {
    const place = placeOf.get(key);
    if (place === undefined) return;
    take(column, decay && time > decay.asOf ? rateValueAt(rate, place, time) : values[place]);
  };
}

/** Returns the value of a rate's column for its `i`-th key at a time. */
export function rateValueAt(rate: RateEncoder, i: number, time: number): number {
  return rateValueAtTime({ rows: rate.rows[i], clicks: rate.clicks[i] }, rate, time);
}

/** Returns a row's time in microseconds since 1970; NaN if the value is none. */
export function rowTimeOf(value: unknown): number {
  const time = isTime(value) ? readTime(value) : NaN;
  return typeof time === "number" ? time : NaN;
}
