import { partValues } from "../examples/time_parts.ts";
import { exp } from "../math/elementary.ts";
import { bucketsOf } from "./category_positions.ts";
import { type Encoder, type FeatureEncoder, type NumericEncoder, positionCountOf } from "./encoder.ts";

/**
 * Returns the names of all columns, in order: `apr`, `apr:missing`, `apr 10…20`, `credit=good`, `credit:missing`, `credit:unseen`,
 * `zip#0`, `size≥medium`, `shown_at:hour=12`, `shown_at:age`, `subject "sale"`, `rate of zip`,
 * `apr 10…20 × credit=good`, `rate of zip × credit`.
 */
export function columnNames({ features, crosses = [], rates = [] }: Encoder): string[] {
  const own = features.flatMap(ownNames);
  const crossed = crosses.flatMap(({ of, keys }) => {
    const fields = of.map((name) =>
      features.filter((feature) => feature.name === name).map(positionNames)[0]
    );
    const counts = features.filter(({ name }) => of.includes(name)).map(positionCountOf);
    return keys.map((key) => digitsOf(key, counts).map((digit, i) => fields[i][digit]).join(" × "));
  });
  const rated = rates.filter(({ column }) => column >= own.length).map(({ of }) =>
    `rate of ${of.join(" × ")}`
  );
  return [...own, ...crossed, ...rated];
}

/** Returns the names of a field's own columns. */
function ownNames(feature: FeatureEncoder): string[] {
  const { name } = feature;
  switch (feature.type) {
    case "numeric":
      return [
        name,
        ...(feature.missingIndicator ? [`${name}:missing`] : []),
        ...(feature.edges ? positionNames(feature).slice(0, -1) : []),
      ];
    case "categorical":
      return positionNames(feature);
    case "ordinal":
      return [
        ...feature.levels.slice(1).map((level) => `${name}≥${level}`),
        `${name}:missing`,
        `${name}:unseen`,
      ];
    case "words":
      return [...feature.words.map((word) => `${name} "${word}"`), `${name}:missing`];
    case "rate":
      return [`rate of ${name}`];
    case "time":
      return [
        ...feature.parts.flatMap((part) =>
          [...partValues[part].map((value) => `=${value}`), ":missing"].map((value) =>
            `${name}:${part}${value}`
          )
        ),
        ...(feature.age ? ownNames(feature.age) : []),
      ];
  }
}

/** Returns the names of a field's levels or bins, by position. */
function positionNames(feature: FeatureEncoder): string[] {
  const { name } = feature;
  if (feature.type === "numeric") return [...binNames(feature), `${name}:missing`];
  if (feature.type === "time" || feature.type === "words") return [];
  const { levels } = feature;
  const buckets = bucketsOf(feature);
  const known = buckets === undefined
    ? levels.map((level) => `${name}=${level}`)
    : Array.from({ length: buckets }, (_, bucket) => `${name}#${bucket}`);
  return [...known, `${name}:missing`, `${name}:unseen`];
}

/** Returns the names of bins, with edges in the field's unit to four digits. */
function binNames({ name, edges = [], transform }: NumericEncoder): string[] {
  const shown = edges.map((edge) => String(Number(restored(transform, edge).toPrecision(4))));
  if (shown.length === 0) return [`${name} any`];
  return [
    `${name} <${shown[0]}`,
    ...shown.slice(1).map((to, i) => `${name} ${shown[i]}…${to}`),
    `${name} ≥${shown[shown.length - 1]}`,
  ];
}

/** Inverts a transform. */
function restored(transform: NumericEncoder["transform"], value: number): number {
  if (transform === "none") return value;
  return value < 0 ? 1 - exp(-value) : exp(value) - 1;
}

/** Returns the mixed-radix digits of a number, the most significant first. @param bases One per digit. */
export function digitsOf(key: number, bases: readonly number[]): number[] {
  const digits = new Array<number>(bases.length);
  let rest = key;
  for (let i = bases.length - 1; i >= 0; i--) {
    digits[i] = rest % bases[i];
    rest = (rest - digits[i]) / bases[i];
  }
  return digits;
}
