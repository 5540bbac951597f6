import type { Encoder } from "../encode/encoder.ts";
import type { TableLookup } from "../encode/table_lookup.ts";
import type { Findings } from "./findings.ts";
import { ordinaryPositionOf, ordinaryPositionsOf, placesOf } from "./table_terms.ts";
import type { Term } from "./term.ts";

/** Adds what a row's fields and tables add to the log-odds. @param members Values of all fields. */
export type AddTables = (sum: number, members: readonly unknown[], findings: Findings) => number;

/**
 * Puts the positions of a row in their places, then adds all tables. A field's ordinary values are not passed to its term: a call per
 * field costs as much as the rest of a row.
 *
 * @param own.places Per feature the index of its value.
 */
export function createTableSum(
  { features }: Encoder,
  lookup: TableLookup,
  own: { readonly terms: readonly Term[]; readonly places: readonly number[] },
): AddTables {
  const { terms, places } = own;
  const { positions } = lookup;
  const ordinary = features.map((feature, i) => ordinaryPositionsOf(feature, placesOf(lookup, i)));
  return (sum, members, findings) => {
    for (let i = 0; i < places.length; i++) {
      const value = members[places[i]];
      const known = ordinary[i];
      const position = known === undefined ? -1 : ordinaryPositionOf(value, known);
      if (known !== undefined && position >= 0) positions[known.place] = position;
      else sum += terms[i](value, findings, members);
    }
    return lookup.addTo(sum);
  };
}
