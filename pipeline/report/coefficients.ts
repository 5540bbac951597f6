import { columnNamer } from "../encode/column_names.ts";
import { type Encoder, widthOf } from "../encode/encoder.ts";
import type { ColumnSums } from "./column_sums.ts";
import type { ReachOf } from "./interval_of.ts";
import { largest } from "./largest.ts";
import type { CoefficientList } from "./model_report.ts";
import type { NumberBins } from "./number_bins.ts";
import { shortName } from "./short_name.ts";

/** Coefficients in a list, at most. */
export const shownMax = 200;

/** What the list of coefficients is made of. */
export interface CoefficientInputs {
  readonly encoder: Encoder;
  /** Shape (columns) or longer. */
  readonly coefficients: ArrayLike<number>;
  readonly intercept: number;
  /** Over the training rows, or if these are not known over the evaluated ones. */
  readonly sums: ColumnSums;
  readonly bins: readonly NumberBins[];
  readonly reachOf?: ReachOf | undefined;
}

/** Lists the coefficients that move predictions most: by their size times the standard deviation of their column. */
export function coefficientList(inputs: CoefficientInputs): CoefficientList {
  const { encoder, coefficients, intercept, reachOf } = inputs;
  const nameOf = columnNamer(encoder);
  const fieldOf = fieldNamer(encoder);
  const sizes = deviationsOf(inputs);
  for (let column = 0; column < sizes.length; column++) sizes[column] *= Math.abs(coefficients[column]);
  return {
    shown: largest(sizes, shownMax).map((column) => {
      const value = coefficients[column];
      const reach = reachOf?.(new Map([[column, 1]]));
      return {
        column: shortName(nameOf(column)),
        field: shortName(fieldOf(column)),
        value,
        ...(reach === undefined ? {} : { low: value - reach, high: value + reach }),
      };
    }),
    in_all: encoder.columnCount,
    intercept,
  };
}

/** Returns a function that gives the name of a column's field, or of all fields of a cross or a rate. */
function fieldNamer({ features, crosses = [], rates = [] }: Encoder): (column: number) => string {
  const spans = [
    ...rates.map(({ of, column }) => ({ name: of.join(" × "), column, width: 1 })),
    ...crosses.map(({ of, column, keys }) => ({ name: of.join(" × "), column, width: keys.length })),
    ...features.map((feature) => ({
      name: feature.name,
      column: feature.column,
      width: widthOf(feature),
    })),
  ];
  return (at) => spans.find(({ column, width }) => at >= column && at < column + width)?.name ?? "";
}

function deviationsOf({ encoder, sums, bins }: CoefficientInputs): Float64Array {
  const { total, ones } = sums;
  const deviations = new Float64Array(encoder.columnCount);
  for (let column = 0; column < deviations.length; column++) {
    if (ones.rows[column] === 0) continue;
    const share = ones.rows[column] / total.rows;
    deviations[column] = Math.sqrt(Math.max(0, share * (1 - share)));
  }
  bins.forEach(({ plan }, i) => {
    const { rows, values } = sums.numbers[i];
    const mean = values.reduce((sum, value) => sum + value, 0) / total.rows;
    const squares = rows.reduce(
      (sum, count, bin) => count > 0 ? sum + count * (values[bin] / count - mean) ** 2 : sum,
      0,
    );
    deviations[plan.column] = Math.sqrt(squares / total.rows);
  });
  return deviations;
}
