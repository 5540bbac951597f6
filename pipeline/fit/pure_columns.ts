import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";

/** Returns the one-hot and indicator columns whose rows in the given parts were all clicked, or none of them. */
export function pureColumns(
  { columnCount, groups, chunks }: DesignMatrix,
  parts: readonly number[],
): number[] {
  const rows = new Float64Array(columnCount);
  const clicks = new Float64Array(columnCount);
  for (const chunk of loadEach(chunks)) {
    groups.forEach(({ fieldCount, columns }, g) => {
      forRowRanges(chunk, parts, (from, to) => {
        for (let i = from; i < to; i++) {
          for (let at = chunk.cells[g][i] * fieldCount, end = at + fieldCount; at < end; at++) {
            if (columns[at] < 0) continue;
            rows[columns[at]]++;
            clicks[columns[at]] += chunk.labels[i];
          }
        }
      });
    });
  }
  return [...rows.keys()].filter((column) =>
    rows[column] > 0 && (clicks[column] === 0 || clicks[column] === rows[column])
  );
}
