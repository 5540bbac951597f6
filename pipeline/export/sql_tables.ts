import { binOf } from "../encode/divisions.ts";
import type { BinnedEncoder, Encoder, FeatureEncoder } from "../encode/encoder.ts";
import { axesOf, unpackTable } from "../encode/table_lookup.ts";
import type { Dialect } from "./sql_dialect.ts";
import { columnOf, guarded } from "./sql_columns.ts";
import { byStep, createLookups, type Lookups } from "./sql_lookups.ts";

/** What the terms of a statement are made with. */
export interface TermContext {
  readonly dialect: Dialect;
  readonly coefficients: ArrayLike<number>;
  readonly lookups: Lookups;
}

const keyName = (table: number) => `clickwell_key_${table}`;

/** Returns the position of a number among the bins of a field of tables. */
export function binnedPosition(
  { name, edges, nullable, servedAs }: BinnedEncoder & FeatureEncoder,
  dialect: Dialect,
): string {
  if (servedAs !== undefined) {
    return String(servedAs === null ? edges.length + 1 : binOf(edges, Number(servedAs)));
  }
  const steps = edges.map((edge, bin) => ({ value: String(bin + 1), from: dialect.number(edge) }));
  return guarded(columnOf(name), dialect, {
    missing: nullable ? String(edges.length + 1) : undefined,
    present: byStep(dialect.double(columnOf(name)), [{ value: "0", from: "" }, ...steps]),
  });
}

/**
 * Returns the definitions of a table `keyed` of the prepared rows, with a column of each table's cell; none without tables.
 *
 * @param positionName Returns the column of a feature's position.
 */
export function keyedRows(
  encoder: Encoder,
  positionName: (feature: number) => string,
  dialect: Dialect,
): string[] {
  const keys = createLookups(dialect, "k");
  const columns = tableKeys(encoder, positionName, keys);
  if (columns.length === 0) return [];
  const select = [`SELECT ${["r.*", ...columns].join(",\n")}`, "FROM prepared AS r", ...keys.joins()];
  return [...keys.tables(), [`keyed ${dialect.once} (`, ...select, ")"].join("\n")];
}

function tableKeys(
  encoder: Encoder,
  positionName: (feature: number) => string,
  lookups: Lookups,
): string[] {
  const axes = axesOf(encoder);
  return (encoder.tables ?? []).map((table, t) => {
    const unpacked = unpackTable(table, axes);
    if (!unpacked) throw new Error("a table does not fit its fields");
    const { positions, columnCount } = unpacked;
    const places = unpacked.axes.map((axis, i) => {
      const factor = i === 0 ? columnCount : 1;
      const values = Array.from(positions[i], (place) => String(place * factor));
      return lookups.at(`r.${positionName(axes[axis].feature)}`, values);
    });
    return `${places.join("\n+ ")} AS ${keyName(t)}`;
  });
}

/** Returns what each table adds to the log-odds, by the columns of `tableKeys`. */
export function tableParts(encoder: Encoder, { dialect, coefficients, lookups }: TermContext): string[] {
  const axes = axesOf(encoder);
  return (encoder.tables ?? []).map((table, t) => {
    const coefficient = coefficients[table.column];
    const cells = unpackTable(table, axes)?.cells ?? new Float64Array();
    return lookups.at(`r.${keyName(t)}`, Array.from(cells, (cell) => dialect.number(cell * coefficient)));
  });
}
