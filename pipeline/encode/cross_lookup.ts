import { type Encoder, positionCountOf } from "./encoder.ts";

/** Receives the column of a combination that a row has. */
export type TakeCross = (column: number) => void;

/**
 * Sets one field's position in a row, and passes on the columns of all crosses of which it is the last field. To be called for
 * each crossed field of a row, in the order of the encoder.
 */
export type Crossing = (position: number, take: TakeCross) => void;

/** @returns Per field; undefined if the field is in no cross. */
export function createCrossings({ features, crosses = [] }: Encoder): (Crossing | undefined)[] {
  const positions = new Int32Array(features.length);
  const prepared = crosses.map(({ of, keys, column }) => {
    const fields = of.map((name) => features.findIndex((feature) => feature.name === name));
    return {
      fields,
      bases: fields.map((field) => positionCountOf(features[field])),
      columnOf: new Map(keys.map((key, i) => [key, column + i])),
    };
  });
  return features.map((_, own) => {
    if (!prepared.some(({ fields }) => fields.includes(own))) return undefined;
    const completed = prepared.filter(({ fields }) => fields[fields.length - 1] === own);
    return (position, take) => {
      positions[own] = position;
      for (const { fields, bases, columnOf } of completed) {
        let key = 0;
        for (let i = 0; i < fields.length; i++) key = key * bases[i] + positions[fields[i]];
        const column = columnOf.get(key);
        if (column !== undefined) take(column);
      }
    };
  });
}
