import { axesOf, createTableLookup } from "../encode/table_lookup.ts";
import { inputsOf } from "../examples/input_columns.ts";
import { addByCode, createEntryResults } from "./coded_columns.ts";
import type { ColumnFindings, ColumnPredictor, TypedColumns } from "./column_findings.ts";
import { clearFindings, createFindings } from "./findings.ts";
import type { ServableModel } from "./predictor.ts";
import { fieldsOf } from "./signature.ts";
import { ordinaryPositionOf, ordinaryPositionsOf, placesOf } from "./table_terms.ts";
import { createTerm } from "./terms.ts";

/** Prepares a model with tables, and without crosses, rates and hidden layers, for rows given as columns. */
export function createTableColumns({ encoder, coefficients, intercept }: ServableModel): ColumnPredictor {
  const { features } = encoder;
  const lookup = createTableLookup(encoder, coefficients);
  if (!lookup) throw new Error("the model has no tables");
  const names = fieldsOf(encoder).map(({ name }) => name);
  const axes = axesOf(encoder);
  const own = features.map((feature, i) => ({
    term: createTerm(feature, { coefficients, names, places: placesOf(lookup, i) }),
    ordinary: ordinaryPositionsOf(feature, placesOf(lookup, i)),
    field: feature.servedAs === undefined ? names.indexOf(feature.name) : -1,
    others: inputsOf(feature).slice(1).map(({ name }) => names.indexOf(name)),
    axes: axes.flatMap((axis, a) => axis.feature === i ? [a] : []),
  }));
  const found = createFindings();
  const members: unknown[] = names.map(() => undefined);

  function place(
    { term, ordinary, field, others, axes }: typeof own[number],
    ...[columns, typed, positions, logits, findings]: Parameters<Place>
  ): void {
    const reals = typed[field]?.type === "REAL" ? typed[field] : undefined;
    const values = field < 0 || reals ? undefined : columns[field];
    for (let i = 0; i < logits.length; i++) {
      const value = reals ? (reals.nulls[i] === 1 ? null : reals.values[i]) : values?.[i];
      const position = ordinary === undefined ? -1 : ordinaryPositionOf(value, ordinary);
      if (position >= 0) {
        positions[axes[0]][i] = position;
        continue;
      }
      for (const other of others) members[other] = columns[other][i];
      logits[i] += term(value, found, members);
      for (const axis of axes) positions[axis][i] = lookup?.positions[axis] ?? 0;
      for (const name of found.missing) findings.missing[names.indexOf(name)]++;
      for (const name of found.unseen) findings.unseen[names.indexOf(name)].push(i);
      clearFindings(found);
    }
  }

  const places = own.map((feature) => {
    const placeRows: Place = (...rows) => place(feature, ...rows);
    return feature.field < 0 || feature.others.length > 0
      ? placeRows
      : byEntries(placeRows, { ...feature, fieldCount: names.length });
  });

  return (columns, rowCount, findings, typed = []) => {
    const logits = new Float64Array(rowCount).fill(intercept);
    // The last axis has one position: see `createTableLookup`.
    const positions = Array.from({ length: axes.length + 1 }, () => new Int32Array(rowCount));
    for (const place of places) place(columns, typed, positions, logits, findings);
    lookup.addColumns(positions, logits);
    return logits;
  };
}

/** Finds the positions of all rows on the axes of a feature, and adds its part to their log-odds. */
type Place = (
  columns: readonly (readonly unknown[])[],
  typed: TypedColumns,
  positions: readonly Int32Array[],
  logits: Float64Array,
  findings: ColumnFindings,
) => void;

interface PlacedField {
  readonly field: number;
  readonly axes: readonly number[];
  readonly fieldCount: number;
}

/** Places the entries of a dictionary where a column has one, and otherwise its rows. */
function byEntries(place: Place, { field, axes, fieldCount }: PlacedField): Place {
  const resultsOf = createEntryResults(field, fieldCount, (columns, rowCount, findings, typed) => {
    // Unlike 0, −0 changes no part that is added to it.
    const parts = new Float64Array(rowCount).fill(-0);
    const positions: Int32Array[] = [];
    for (const axis of axes) positions[axis] = new Int32Array(rowCount);
    place(columns, typed, positions, parts, findings);
    return { parts, positions };
  });
  return (columns, typed, positions, logits, findings) => {
    const column = typed[field];
    const found = column?.type === "CODES" ? resultsOf(column) : undefined;
    if (column?.type !== "CODES" || !found) return place(columns, typed, positions, logits, findings);
    const { codes } = column;
    addByCode(logits, found.results.parts, codes);
    for (const axis of axes) takeByCode(positions[axis], found.results.positions[axis], codes);
    found.addFindings(column, logits.length, findings);
  };
}

function takeByCode(positions: Int32Array, ofEntries: Int32Array, codes: Int32Array): void {
  for (let i = 0; i < positions.length; i++) positions[i] = ofEntries[codes[i]];
}
