import { bucketsOf } from "../encode/category_positions.ts";
import { divisionsOf } from "../encode/divisions.ts";
import {
  columnsAt,
  encodeNumeric,
  type Encoder,
  type FeatureEncoder,
  levelCountOf,
  type NumericEncoder,
  type OrdinalEncoder,
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
  readonly positionCount: number;
  /** Positions are made as they are looked at: hashed fields have millions. The last ones are those of missing and unseen values. */
  readonly at: (position: number) => Position;
  /** The column of the first position, if those of the others follow it; absent if columns are 1 from a level upwards. */
  readonly first?: number;
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
        ...cyclicColumnsOf(feature).map(({ part, column: first }) =>
          oneHotPlan({ field, part, type: "time" }, { first, names: partValues[part], absent: ["missing"] })
        ),
        ...(feature.age ? [numberPlan(feature.age, { field, part: "age", type: "time" })] : []),
      ];
    case "words":
      return [
        oneHotPlan({ field, type: "words" }, { first: column, names: feature.words, absent: ["missing"] }),
      ];
    case "categorical": {
      const names = bucketsOf(feature) === undefined ? feature.levels : undefined;
      const count = levelCountOf(feature);
      const absent = ["missing", "unseen"] as const;
      return [oneHotPlan({ field, type: "categorical" }, { first: column, names, count, absent })];
    }
    case "ordinal":
      return [ordinalPlan(feature)];
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

/** @param names Of the levels; absent for buckets. @param absent What has a column after those of the levels. */
function oneHotPlan(
  field: Pick<LevelPlan, "field" | "part" | "type">,
  { first, names, count = names?.length ?? 0, absent }: {
    readonly first: number;
    readonly names?: readonly string[] | undefined;
    readonly count?: number;
    readonly absent: readonly ("missing" | "unseen")[];
  },
): LevelPlan {
  return {
    kind: "levels",
    ...field,
    positionCount: count + absent.length,
    first,
    at(i) {
      if (i < count) return oneHot(names ? names[i] : `bucket ${i}`, first + i);
      const is = absent[i - count];
      return oneHot(is, first + i, is);
    },
  };
}

/** A column is 1 from its level upwards. */
function ordinalPlan(feature: OrdinalEncoder): LevelPlan {
  const { name: field, type, levels, column } = feature;
  const count = levels.length;
  const [missing, unseen] = [count, count + 1].map((position) => columnsAt(feature, position)[0]);
  return {
    kind: "levels",
    field,
    type,
    positionCount: count + 2,
    at(i) {
      if (i >= count) {
        return i === count ? oneHot("missing", missing, "missing") : oneHot("unseen", unseen, "unseen");
      }
      const own = i === 0 ? { plus: [], all: true } : { plus: [column + i - 1] };
      const above = i < count - 1 ? [column + i] : [];
      const others = i === 0 ? [missing, unseen] : [];
      return {
        name: levels[i],
        count: { ...own, minus: [...above, ...others] },
        columns: columnsAt(feature, i),
      };
    },
  };
}

const none: readonly number[] = [];

function oneHot(name: string, column: number, is?: Position["is"]): Position {
  const columns = [column];
  return { name, ...(is ? { is } : {}), count: { plus: columns, minus: none }, columns };
}
