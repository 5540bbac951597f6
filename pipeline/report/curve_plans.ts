import { bucketsOf } from "../encode/category_positions.ts";
import { divisionsOf } from "../encode/divisions.ts";
import {
  columnsAt,
  encodeNumeric,
  type Encoder,
  type FeatureEncoder,
  levelCountOf,
  type LeveledEncoder,
  type NumericEncoder,
  widthOf,
} from "../encode/encoder.ts";
import { cyclicColumnsOf } from "../encode/time_columns.ts";
import { partValues } from "../examples/time_parts.ts";
import type { FieldCurve } from "./model_report.ts";

/** How the rows of a position are counted: sums over the rows that have a 1 in each of `plus`, less those of `minus`. */
export interface CountRule {
  readonly plus: readonly number[];
  readonly minus: readonly number[];
  /** Whether all rows are added. */
  readonly all?: boolean;
}

/** A value of a field: a level, a part of a time, or a word. */
export interface Position {
  readonly name: string;
  readonly is?: "missing" | "unseen";
  readonly count: CountRule;
  /** Columns that are 1 there. */
  readonly columns: readonly number[];
}

/** A curve over positions, of which a row has one; of the words of a text, any number. */
export interface LevelPlan {
  readonly kind: "levels";
  readonly field: string;
  readonly part?: string;
  readonly type: FieldCurve["type"];
  /** Made as they are looked at: hashed fields have millions. */
  readonly positions: () => Iterable<Position>;
}

/** A curve over the values of a column of numbers. */
export interface NumberPlan {
  readonly kind: "numbers";
  readonly field: string;
  readonly part?: string;
  readonly type: FieldCurve["type"];
  readonly column: number;
  /** Converts a value of the column to the field's unit, and back. */
  readonly scale: NumericEncoder | { readonly base: number };
  /** The indicator of missing values, and the value of the column there. */
  readonly missing?: { readonly column: number; readonly value: number };
  /** Columns of the bins and exact values that the model has beside the column: from … to − 1. */
  readonly divided?: { readonly from: number; readonly to: number };
  /** The finest of the bins: edges of the column's value, and the column of the first bin. */
  readonly bins?: { readonly edges: readonly number[]; readonly first: number };
}

export type CurvePlan = LevelPlan | NumberPlan;

/** Returns what curves a model has: of each field in order, then of each rate of several fields. */
export function curvePlansOf(encoder: Encoder): CurvePlan[] {
  const ofFields = encoder.features.flatMap((feature) => plansOf(feature, encoder));
  const ownColumns = encoder.features.reduce((sum, feature) => sum + widthOf(feature), 0);
  const crossed = (encoder.rates ?? []).filter(({ column }) => column >= ownColumns);
  return [
    ...ofFields,
    ...crossed.map(({ of, column, base }): CurvePlan => ({
      kind: "numbers",
      field: of.join(" × "),
      type: "rate",
      column,
      scale: { base },
    })),
  ];
}

function plansOf(feature: FeatureEncoder, { rates = [] }: Encoder): CurvePlan[] {
  const { name: field, column } = feature;
  switch (feature.type) {
    case "numeric":
      return [numberPlan(feature, { field, type: "numeric" })];
    case "rate": {
      const rate = rates.find((one) => one.column === column);
      return rate ? [{ kind: "numbers", field, type: "rate", column, scale: { base: rate.base } }] : [];
    }
    case "time":
      return [
        ...cyclicColumnsOf(feature).map(({ part, column: first }): LevelPlan => ({
          kind: "levels",
          field,
          part,
          type: "time",
          positions: () =>
            [...partValues[part], "missing"].map((name, i, { length }) =>
              oneHot(name, first + i, i === length - 1 ? "missing" : undefined)
            ),
        })),
        ...(feature.age ? [numberPlan(feature.age, { field, part: "age", type: "time" })] : []),
      ];
    case "words":
      return [{
        kind: "levels",
        field,
        type: "words",
        positions: () => [
          ...feature.words.map((word, i) => oneHot(word, column + i)),
          oneHot("missing", column + feature.words.length, "missing"),
        ],
      }];
    case "categorical":
    case "ordinal":
      return [{ kind: "levels", field, type: feature.type, positions: () => levelPositions(feature) }];
    // What is looked up in tables has no columns.
    case "binned":
    case "levels":
    case "clock":
      return [];
  }
}

function numberPlan(
  encoder: NumericEncoder,
  names: Pick<NumberPlan, "field" | "part" | "type">,
): NumberPlan {
  const { column, missingIndicator, mean, scale } = encoder;
  const divisions = divisionsOf(encoder);
  const finest = divisions.filter((division) => division.kind === "bins").at(-1);
  return {
    kind: "numbers",
    ...names,
    column,
    scale: encoder,
    ...(missingIndicator ? { missing: { column: column + 1, value: encodeNumeric(encoder, NaN) } } : {}),
    ...(divisions.length > 0
      ? { divided: { from: divisions[0].column, to: column + widthOf(encoder) } }
      : {}),
    ...(finest
      ? {
        bins: { edges: finest.edges.map((edge) => (edge - mean) / scale), first: finest.column },
      }
      : {}),
  };
}

function* levelPositions(feature: LeveledEncoder): Generator<Position> {
  const count = levelCountOf(feature);
  const buckets = bucketsOf(feature);
  const nameOf = (i: number) => buckets === undefined ? feature.levels[i] : `bucket ${i}`;
  const [missing, unseen] = [count, count + 1].map((position) => columnsAt(feature, position)[0]);
  for (let i = 0; i < count; i++) {
    if (feature.type !== "ordinal") {
      yield oneHot(nameOf(i), columnsAt(feature, i)[0]);
      continue;
    }
    // A column is 1 from its level upwards.
    const own = i === 0 ? { plus: [], all: true } : { plus: [feature.column + i - 1] };
    const above = i < count - 1 ? [feature.column + i] : [];
    const others = i === 0 ? [missing, unseen] : [];
    yield {
      name: nameOf(i),
      count: { ...own, minus: [...above, ...others] },
      columns: columnsAt(feature, i),
    };
  }
  yield oneHot("missing", missing, "missing");
  yield oneHot("unseen", unseen, "unseen");
}

const none: readonly number[] = [];

function oneHot(name: string, column: number, is?: Position["is"]): Position {
  const columns = [column];
  return { name, ...(is ? { is } : {}), count: { plus: columns, minus: none }, columns };
}
