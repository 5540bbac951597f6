import { type ChunkStore, type ColumnMaker, createChunkStore } from "../chunks/chunk_store.ts";
import { plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { hasNumbers, hasTexts, levelFolding, type ValueType, valueTypeOf } from "./level.ts";
import type { Codes, RawChunk, RawExamples } from "./raw_examples.ts";

/**
 * Merges the chunks of several readers: one table of levels for all, in ascending order, and codes that index it.
 *
 * @param parts Chunks with the levels of the reader that coded them, and the kinds of their values as bits. The codes are
 *   rewritten in place.
 * @returns Examples with an account of all rows as used.
 */
export function mergeChunks(
  parts: readonly {
    readonly order: number;
    readonly chunk: StoredChunk<RawChunk>;
    readonly levels: readonly (string | null)[][];
    readonly kinds: readonly number[];
  }[],
  { chunkStore = createChunkStore(), types }: MergeOptions = {},
): RawExamples {
  const rowCount = parts.reduce((sum, { chunk }) => sum + plainFields(chunk).rowCount, 0);
  const ordered = [...parts].sort((a, b) => a.order - b.order);
  const fieldCount = ordered[0]?.levels.length ?? 0;
  const fields = Array.from({ length: fieldCount }, (_, field) => {
    const read = new Set<string | null>();
    for (const readerLevels of new Set(ordered.map((part) => part.levels))) {
      for (const level of readerLevels[field]) read.add(level);
    }
    const kinds = ordered.reduce((bits, part) => bits | part.kinds[field], 0);
    const type = types ? types[field] ?? "text" : valueTypeOf(kinds, read);
    const fold = levelFolding(type, types ? hasNumbers | hasTexts : kinds);
    const own = new Set([...read].map(fold).filter((level) => level !== null));
    return { type, fold, levels: [null, ...[...own].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))] };
  });
  const levels = fields.map((field) => field.levels);
  const codeOf = levels.map((list) => new Map(list.map((level, code) => [level, code])));
  const tables = new Map<readonly (string | null)[][], Uint32Array[]>();
  for (const { levels: readerLevels } of ordered) {
    if (tables.has(readerLevels)) continue;
    tables.set(
      readerLevels,
      readerLevels.map((list, field) =>
        Uint32Array.from(list, (level) => codeOf[field].get(fields[field].fold(level)) ?? 0)
      ),
    );
  }
  const recoded = ordered.map((part) => tables.get(part.levels) ?? []);
  const chunks = chunkStore.rewrite(ordered.map(({ chunk }) => chunk), (chunk, c) => ({
    ...chunk,
    codes: chunk.codes.map((codes, field) =>
      recode(codes, recoded[c][field], levels[field].length, chunkStore.columns)
    ),
  }));
  return {
    rowCount,
    chunks,
    levels,
    account: { read: rowCount, noLabel: 0, zeroWeight: 0 },
    types: fields.map(({ type }) => type),
  };
}

export interface MergeOptions {
  /** Rewrites spilled chunks. */
  readonly chunkStore?: ChunkStore;
  /** Column types of a model that is updated, used in place of the rows' own; undefined leaves a column's levels unchanged. */
  readonly types?: readonly (ValueType | undefined)[];
}

/** Recodes a column. All chunks of a field have the same width, so that the bytes do not depend on the reader. */
function recode(codes: Codes, table: Uint32Array, levelCount: number, columns: ColumnMaker): Codes {
  const narrow = levelCount <= 0x10000;
  const fits = codes instanceof Uint16Array === narrow;
  const target = fits ? codes : narrow ? columns.uint16(codes.length) : columns.uint32(codes.length);
  for (let i = 0; i < codes.length; i++) target[i] = table[codes[i]];
  return target;
}
