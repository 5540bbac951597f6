import { axesOf, unpackTable } from "../encode/table_lookup.ts";
import { unpackDraws } from "../model/table_draws.ts";
import { curveOf } from "./found_curves.ts";
import { heatOf, spreadOf } from "./found_heats.ts";
import { type FoundRows, type FoundTables, sumRows, type Table } from "./found_sums.ts";
import { reachOfError } from "./interval_of.ts";
import type { CrossHeat, FieldCurve } from "./model_report.ts";

const [heatsMax, sideMax, cellsMax] = [12, 40, 2_400];

/** Returns the curves of a model's fields, and its tables of two fields: those of the largest spread first. */
export function foundParts(
  model: FoundTables,
  rows: FoundRows,
): { curves: FieldCurve[]; crosses: CrossHeat[] } {
  const axes = axesOf(model.encoder);
  const drawn = model.draws && unpackDraws(model.draws, model.encoder);
  const tables = (model.encoder.tables ?? []).flatMap((table, t): Table[] => {
    const own = unpackTable(table, axes);
    if (!own) return [];
    const reachOf: Table["reachOf"] = drawn && ((weights) => reachOfError(drawn.ofCells(t, weights)));
    return [{ ...own, coefficient: model.coefficients[table.column], of: table.of, reachOf }];
  });
  const pairs = tables.filter((table) => table.axes.length === 2);
  const sums = sumRows(model, rows, axes, pairs);
  const curves = axes.flatMap((axis, a) => {
    const bins = rows.axes.find(({ name }) => name === axis.name);
    return bins
      ? [curveOf(axis, model.encoder.features[axis.feature], {
        curve: tables.find((table) => table.axes.length === 1 && table.axes[0] === a),
        sums: sums.axes[a],
        range: bins.range,
      })]
      : [];
  });
  const heats = pairs.map((pair, p) => ({ pair, sums: sums.pairs[p], spread: spreadOf(pair, sums.pairs[p]) }))
    .sort((a, b) => b.spread - a.spread).slice(0, heatsMax);
  const side = Math.min(sideMax, Math.floor(Math.sqrt(cellsMax / Math.max(1, heats.length))));
  return {
    curves,
    crosses: heats.map(({ pair, sums, spread }) =>
      heatOf(pair, { axes, encoder: model.encoder, sums, spread, side })
    ),
  };
}
