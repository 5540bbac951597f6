import type { ChunkStore } from "../../chunks/chunk_store.ts";
import type { BinnedRows } from "../../encode/bin_rows.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import { type FoundTable, widthOf } from "../../fit/tables/found_model.ts";

/**
 * Replaces the columns of a design by those of found tables: the value of a row is its cell, rounded as the encoder packs it.
 *
 * @param design Of the same rows in the same order as the bins. Consumed.
 */
export function foundDesign(
  design: DesignMatrix,
  { axes }: Pick<BinnedRows, "axes">,
  tables: readonly FoundTable[],
  chunkStore: ChunkStore,
): DesignMatrix {
  const lookups = tables.map(({ fields, positions, cells }) => ({
    codes: fields.map((field) => axes[field].codes),
    positions,
    width: positions[1] ? widthOf(positions[1]) : 1,
    cells: Float32Array.from(cells),
  }));
  let before = 0;
  const chunks = chunkStore.rewrite([...design.chunks], (chunk) => {
    const rowCount = chunk.labels.length;
    const numeric = chunkStore.columns.float64(rowCount * tables.length);
    lookups.forEach(({ codes: [rows, columns], positions, width, cells }, t) => {
      for (let i = 0, k = t; i < rowCount; i++, k += lookups.length) {
        const row = positions[0][rows[before + i]] * width;
        numeric[k] = cells[columns ? row + positions[1][columns[before + i]] : row];
      }
    });
    before += rowCount;
    return { ...chunk, numeric, cells: [] };
  });
  return { ...design, columnCount: tables.length, numericColumns: [...tables.keys()], groups: [], chunks };
}
