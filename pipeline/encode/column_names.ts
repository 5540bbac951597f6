import { partValues } from "../examples/time_parts.ts";
import { bucketsOf } from "./category_positions.ts";
import { type Division, divisionsOf } from "./divisions.ts";
import {
  type CrossEncoder,
  type Encoder,
  type FeatureEncoder,
  levelCountOf,
  type LeveledEncoder,
  type NumericEncoder,
  positionCountOf,
  restored,
  type TableEncoder,
} from "./encoder.ts";

/**
 * Returns the names of all columns, in order: `apr`, `apr:missing`, `apr 10…20`, `apr 10…20 (16 bins)` of several counts, `apr=12.5`,
 * `credit=good`, `credit:missing`, `credit:unseen`,
 * `zip#0`, `size≥medium`, `shown_at:hour=12`, `shown_at:age`, `subject "sale"`, `rate of zip`,
 * `apr 10…20 × credit=good`, `rate of zip × credit`, `curve of apr`, `table of apr × credit`.
 */
export function columnNames(encoder: Encoder): string[] {
  return namedColumns(encoder).flatMap(({ count, nameAt }) =>
    Array.from({ length: count }, (_, i) => nameAt(i))
  );
}

/** Returns a function that gives the name of one column, as `columnNames` has it: hashed fields have a million. */
export function columnNamer(encoder: Encoder): (column: number) => string {
  const parts = namedColumns(encoder);
  return (column) => {
    let at = column;
    for (const { count, nameAt } of parts) {
      if (at < count) return nameAt(at);
      at -= count;
    }
    throw new RangeError(`no column ${column}`);
  };
}

/** Columns that follow each other. */
interface NamedColumns {
  readonly count: number;
  readonly nameAt: (index: number) => string;
}

function namedColumns({ features, crosses = [], rates = [], tables = [] }: Encoder): NamedColumns[] {
  const own = features.map(ownColumns);
  const ownCount = own.reduce((sum, { count }) => sum + count, 0);
  return [
    ...own,
    ...crosses.map((cross) => crossColumns(cross, features)),
    listed(rates.filter(({ column }) => column >= ownCount).map(({ of }) => `rate of ${of.join(" × ")}`)),
    listed(tables.map((table) => `${table.of.length > 1 ? "table" : "curve"} of ${tableName(table)}`)),
  ];
}

function listed(names: readonly string[]): NamedColumns {
  return { count: names.length, nameAt: (i) => names[i] };
}

function ownColumns(feature: FeatureEncoder): NamedColumns {
  return feature.type === "categorical"
    ? { count: positionCountOf(feature), nameAt: (position) => levelName(feature, position) }
    : listed(ownNames(feature));
}

function crossColumns(
  { of, divisions = [], keys }: CrossEncoder,
  features: readonly FeatureEncoder[],
): NamedColumns {
  const crossed = of.flatMap((name) => features.filter((feature) => feature.name === name));
  const fields = crossed.map((feature, i) => positionNames(feature, divisions[i]));
  const counts = crossed.map((feature, i) => positionCountOf(feature, divisions[i]));
  return listed(keys.map((key) => digitsOf(key, counts).map((digit, i) => fields[i][digit]).join(" × ")));
}

/** Returns the name of a table: of its field, or of both. */
export function tableName({ of }: Pick<TableEncoder, "of">): string {
  return of.join(" × ");
}

/** Returns the names of a field's own columns. */
function ownNames(feature: FeatureEncoder): string[] {
  const { name } = feature;
  switch (feature.type) {
    case "numeric":
      return [
        name,
        ...(feature.missingIndicator ? [`${name}:missing`] : []),
        ...divisionsOf(feature).flatMap((division, i) => positionNames(feature, i).slice(0, division.count)),
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
    case "binned":
    case "levels":
    case "clock":
      return [];
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

/** Returns the names of a field's levels, bins or exact values, by position. @param division Index among a numeric field's divisions. */
export function positionNames(feature: FeatureEncoder, division = 0): string[] {
  const { name } = feature;
  if (feature.type === "numeric") {
    return [...divisionNames(feature, divisionsOf(feature)[division]), `${name}:missing`];
  }
  if (feature.type === "binned") {
    const { column, edges } = feature;
    const [division] = divisionsOf({ column, edges, missingIndicator: false });
    return [...divisionNames({ name, transform: "none" }, division), `${name}:missing`];
  }
  if (feature.type === "time" || feature.type === "clock" || feature.type === "words") return [];
  return Array.from({ length: positionCountOf(feature) }, (_, position) => levelName(feature, position));
}

/** Returns the name of a level or bucket, of missing or of unseen values. */
function levelName(feature: LeveledEncoder, position: number): string {
  const { name } = feature;
  const count = levelCountOf(feature);
  if (position >= count) return `${name}:${position === count ? "missing" : "unseen"}`;
  return bucketsOf(feature) === undefined ? `${name}=${feature.levels[position]}` : `${name}#${position}`;
}

/** Returns the names of bins, with edges in the field's unit to four digits, or of exact values. */
function divisionNames(
  { name, transform }: Pick<NumericEncoder, "name" | "transform">,
  division: Division,
): string[] {
  if (division.kind === "values") {
    return [...division.values.map((value) => `${name}=${value}`), `${name}:other`];
  }
  const { edges, bins } = division;
  const shown = edges.map((edge) => String(Number(restored(transform, edge).toPrecision(4))));
  const among = bins === undefined ? "" : ` (${bins} bins)`;
  if (shown.length === 0) return [`${name} any${among}`];
  return [
    `<${shown[0]}`,
    ...shown.slice(1).map((to, i) => `${shown[i]}…${to}`),
    `≥${shown[shown.length - 1]}`,
  ]
    .map((range) => `${name} ${range}${among}`);
}

/** Returns the names of a field's levels, bins or exact values without the field's, by position: `good`, `10…20`, `#0`, `missing`. */
export function levelNames(feature: FeatureEncoder, division = 0): string[] {
  return positionNames(feature, division).map((name) =>
    name.slice(feature.name.length).replace(/^[ =:]/, "")
  );
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
