import type { Encoder } from "../encode/encoder.ts";
import { createRowEncoder } from "../model/encoded_row.ts";
import type { NumberPlan } from "./curve_plans.ts";
import type { SampledRow } from "./sampled_rows.ts";

/** Returns the values that the rows have in each column of numbers, without those that stand for a missing one. */
export function numberValues(
  { features, ...others }: Encoder,
  plans: readonly NumberPlan[],
  rows: readonly SampledRow[],
): Float64Array[] {
  // The values of the training, also of a field that is served as a fixed value.
  const encode = createRowEncoder({
    ...others,
    features: features.map(({ servedAs: _, ...feature }) => feature),
  });
  const places = new Map(plans.map(({ column }, i) => [column, i]));
  const indicators = new Map(plans.flatMap(({ missing }, i) => missing ? [[missing.column, i]] : []));
  const values = plans.map((): number[] => []);
  const isMissing = new Uint8Array(plans.length);
  const own = new Float64Array(plans.length);
  for (const row of rows) {
    isMissing.fill(0);
    own.fill(0);
    encode(row.features, (_, column, value) => {
      const place = places.get(column);
      if (place !== undefined) own[place] = value;
      const indicated = indicators.get(column);
      if (indicated !== undefined) isMissing[indicated] = 1;
    });
    values.forEach((list, i) => {
      if (isMissing[i] === 0) list.push(own[i]);
    });
  }
  return values.map((list) => Float64Array.from(list));
}
