import { rateValueAtTime } from "./click_rate.ts";
import { type Encoder, positionCountOf, type RateEncoder } from "./encoder.ts";
import { isTime, readTime } from "./time_feature.ts";

/** Receives a nonzero column of a combination that a row has, and its value. */
export type TakeCombined = (column: number, value: number) => void;

/**
 * Sets one field's position in a row, and passes on the columns of all crosses and rates of which it is the last field. To be called
 * for each field of a cross or a rate, in the order of the encoder.
 *
 * @param time The row's time, if rates decay; NaN if it has none.
 */
export type Crossing = (position: number, take: TakeCombined, time: number) => void;

/** @returns Per field; undefined if the field is in no cross and no rate. */
export function createCrossings(
  { features, crosses = [], rates = [] }: Encoder,
): (Crossing | undefined)[] {
  const positions = new Int32Array(features.length);
  const prepare = (of: readonly string[], passOn: PassOn) => {
    const fields = of.map((name) => features.findIndex((feature) => feature.name === name));
    return { fields, bases: fields.map((field) => positionCountOf(features[field])), passOn };
  };
  const prepared = [
    ...crosses.map(({ of, keys, column }) => prepare(of, passColumn(keys, column))),
    ...rates.map((rate) => prepare(rate.of, passRate(rate))),
  ];
  return features.map((_, own) => {
    if (!prepared.some(({ fields }) => fields.includes(own))) return undefined;
    const completed = prepared.filter(({ fields }) => fields[fields.length - 1] === own);
    return (position, take, time) => {
      positions[own] = position;
      for (const { fields, bases, passOn } of completed) {
        let key = 0;
        for (let i = 0; i < fields.length; i++) key = key * bases[i] + positions[fields[i]];
        passOn(key, take, time);
      }
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
