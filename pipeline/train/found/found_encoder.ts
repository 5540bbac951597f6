import type { BinnedAxis, BinnedRows } from "../../encode/bin_rows.ts";
import type { Encoder, TableEncoder, TableFieldEncoder } from "../../encode/encoder.ts";
import { packCells, packPositions } from "../../encode/packed_table.ts";
import type { FoundTable } from "../../fit/tables/found_model.ts";

/** An encoder, and how the bins that it was found on are its positions. */
export interface FoundEncoder {
  readonly encoder: Encoder;
  /** Per axis the encoder's position of each bin. */
  readonly positionsOfBins: readonly Int32Array[];
}

/**
 * Returns the encoder of found tables, whose columns are in their order. Of the edges between bins it has those at which a table
 * changes.
 */
export function foundEncoder(
  { axes, features }: Pick<BinnedRows, "axes" | "features">,
  tables: readonly FoundTable[],
): FoundEncoder {
  const kept = axes.map((axis, a) => {
    const maps = tables.flatMap(({ fields, positions }) =>
      fields.flatMap((field, i) => field === a ? [positions[i]] : [])
    );
    return keptPositions(axis, maps);
  });
  const encoders = tables.map(({ fields, positions, cells }, column): TableEncoder => ({
    of: fields.map((field) => axes[field].name),
    positions: fields.map((field, i) => packPositions(kept[field].bins.map((bin) => positions[i][bin]))),
    cells: packCells(cells),
    column,
  }));
  const encoder = {
    features: features.map((feature, f) => withEdges(feature, kept.filter((_, a) => axes[a].feature === f))),
    columnCount: tables.length,
    tables: encoders,
  };
  return { encoder, positionsOfBins: axes.map((axis, a) => positionsOfBins(axis, kept[a])) };
}

/** Returns the encoder's position of each bin; of bin 0, if several positions have it, the last one. */
function positionsOfBins({ binCount, edges }: BinnedAxis, { bins }: KeptPositions): Int32Array {
  const positions = new Int32Array(binCount);
  if (!edges) bins.forEach((bin, position) => positions[bin] = position);
  else {
    // The first bin of each position, in ascending order; the last position is that of missing values.
    let position = 0;
    for (let bin = 1; bin < binCount; bin++) {
      if (position + 1 < bins.length - 1 && bin >= bins[position + 1]) position++;
      positions[bin] = position;
    }
    positions[0] = bins.length - 1;
  }
  return positions;
}

interface KeptPositions {
  /** The bin of each position that is kept. */
  readonly bins: readonly number[];
  /** Of an axis of numbers: the edges that are kept. */
  readonly edges?: readonly number[];
}

function keptPositions({ edges, binOfPosition }: BinnedAxis, maps: readonly Int32Array[]): KeptPositions {
  if (!edges) return { bins: [...binOfPosition] };
  // Edge i is between the bins i + 1 and i + 2.
  const kept = edges.flatMap((_, i) => maps.some((map) => map[i + 1] !== map[i + 2]) ? [i] : []);
  return { bins: [1, ...kept.map((i) => i + 2), 0], edges: kept.map((i) => edges[i]) };
}

/** @param own The positions of the feature's axes. */
function withEdges(feature: TableFieldEncoder, own: readonly KeptPositions[]): TableFieldEncoder {
  const edges = own.at(-1)?.edges;
  if (!edges) return feature;
  if (feature.type === "binned") return { ...feature, edges };
  return feature.type === "clock" && feature.ageEdges ? { ...feature, ageEdges: edges } : feature;
}
