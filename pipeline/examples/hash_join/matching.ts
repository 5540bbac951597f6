import type { SpilledChunk } from "../../chunks/chunk_file.ts";
import { createChunkStore, loadEach } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import type { Job } from "../../runtime/thread_pool.ts";
import type { RawChunk } from "../raw_examples.ts";
import { appendRows, clearTable, createHashTable, createKeyFinder } from "./hash_table.ts";
import { noKeys } from "./key_encoding.ts";
import { createRowBuffer, filledRows, type KeyedRows, type RowShape } from "./keyed_rows.ts";
import { notInStream, type Partitioning, type Partitions } from "./partitions.ts";
import { type ColumnPlaces, placeColumns, type PlacedColumn } from "./placed_columns.ts";
import { sumOf } from "./placement.ts";

/**
 * Finds the parents of a child's keys, partition by partition: each thread takes the next one until there is none.
 *
 * @see DeWitt et al., Implementation Techniques for Main Memory Database Systems (1984): the GRACE hash join.
 */
export interface MatchJob extends Job {
  readonly kind: "match";
  readonly partitioning: Partitioning;
  /** The parent's rows. */
  readonly parents: Partitions;
  /** Per stream of the child's rows: their keys, as `createReferences` collects them. */
  readonly references: readonly Partitions[];
  /** Shape (1): the next partition that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Whose folder gets the matches. */
  readonly budget: MemoryBudget;
}

/** What one thread found in one partition. */
export interface PartitionMatches {
  readonly partition: number;
  /** Per stream: the parents' values, each with the number of the child's row as its last code, in ascending order. */
  readonly streams: readonly (readonly SpilledChunk<KeyedRows>[])[];
  /** References whose parent exists. */
  readonly foundCount: number;
}

const matchRowsMax = 4_096;

/** Runs one thread's share of a `MatchJob`. Yields after each block of rows. */
export function* matchPartitions(
  { partitioning, parents, references, next, budget }: MatchJob,
): Generator<void, PartitionMatches[]> {
  const chunkStore = createChunkStore(budget);
  const shape: RowShape = { ...partitioning, encoding: noKeys, codeCount: partitioning.codeCount + 1 };
  const out = createRowBuffer(shape, matchRowsMax);
  // One table for all partitions: shared memory is freed late.
  const rowCount = Math.max(1, ...parents.map((blocks) => sumOf(blocks, ({ fields }) => fields.rowCount)));
  const table = createHashTable({ ...partitioning, rowCount });
  const results: PartitionMatches[] = [];
  for (let p = Atomics.add(next, 0, 1); p < parents.length; p = Atomics.add(next, 0, 1)) {
    clearTable(table);
    for (const rows of loadEach(parents[p])) {
      appendRows(table, rows);
      yield;
    }
    const find = createKeyFinder(table, { isIndexed: false });
    let foundCount = 0;
    const streams: SpilledChunk<KeyedRows>[][] = [];
    for (const stream of references) {
      const matches: SpilledChunk<KeyedRows>[] = [];
      const flush = () => {
        if (out.rowCount > 0) matches.push(chunkStore.spill(filledRows(out, shape)));
        out.rowCount = 0;
      };
      for (const { rowCount, keys, codes: [places] } of loadEach(stream[p])) {
        for (let i = 0; i < rowCount; i++) {
          const row = find(keys, i * partitioning.encoding.width);
          if (row < 0) continue;
          foundCount++;
          if (places[i] === notInStream) continue;
          if (out.rowCount === matchRowsMax) flush();
          copyRow(table, row, out, places[i]);
        }
        yield;
      }
      flush();
      streams.push(matches);
    }
    results.push({ partition: p, streams, foundCount });
  }
  return results;
}

function copyRow(
  { numbers, codes }: Pick<KeyedRows, "numbers" | "codes">,
  row: number,
  out: ReturnType<typeof createRowBuffer>,
  place: number,
): void {
  const at = out.rowCount++;
  for (let i = 0; i < numbers.length; i++) out.numbers[i][at] = numbers[i][row];
  for (let i = 0; i < codes.length; i++) out.codes[i][at] = codes[i][row];
  out.codes[codes.length][at] = place;
}

/** The matches of one parent with one stream. */
export interface StreamMatches {
  readonly places: ColumnPlaces;
  /** Per partition. */
  readonly blocks: readonly (readonly SpilledChunk<KeyedRows>[])[];
}

/**
 * Returns a function that fills in the values of parents in the chunks of a stream, one after the other, and returns the rows of the
 * chunk that have all parents; undefined if all have. The rows are valid until the next call.
 */
export function createFiller(
  sides: readonly StreamMatches[],
): (chunk: RawChunk) => Uint32Array | undefined {
  const cursors = sides.map(({ blocks }) => blocks.map(createBlockCursor));
  let found = new Uint8Array(0);
  let rows = new Uint32Array(0);
  let start = 0;
  return (chunk) => {
    const { rowCount } = chunk;
    const stride = rowCount === 0 ? 0 : chunk.numeric.length / rowCount;
    if (found.length < rowCount) [found, rows] = [new Uint8Array(rowCount), new Uint32Array(rowCount)];
    found.fill(0, 0, rowCount);
    sides.forEach(({ places }, s) => {
      for (const next of cursors[s]) {
        for (let part = next(start + rowCount); part; part = next(start + rowCount)) {
          const rows = part.codes[part.codes.length - 1].subarray(part.from, part.to);
          for (let i = 0; i < rows.length; i++) found[rows[i] - start]++;
          const { numbers, codes, from } = part;
          placeColumns(
            { numbers, codes: codes.slice(0, -1) },
            places,
            { ...chunk, stride },
            (values, column) => scatter(values.subarray(from), rows, start, column),
          );
        }
      }
    });
    start += rowCount;
    let kept = 0;
    for (let row = 0; row < rowCount; row++) if (found[row] === sides.length) rows[kept++] = row;
    return kept === rowCount ? undefined : rows.subarray(0, kept);
  };
}

/** Rows of a block. */
interface BlockPart extends KeyedRows {
  readonly from: number;
  readonly to: number;
}

/** Returns a function that returns the next rows of a block whose places are below a bound; undefined if there are none now. */
function createBlockCursor(
  blocks: readonly SpilledChunk<KeyedRows>[],
): (end: number) => BlockPart | undefined {
  const loaded = loadEach(blocks);
  let block = loaded.next().value;
  let at = 0;
  return (end) => {
    while (block && at === block.rowCount) {
      block = loaded.next().value;
      at = 0;
    }
    if (!block) return undefined;
    const places = block.codes[block.codes.length - 1];
    const from = at;
    while (at < block.rowCount && places[at] < end) at++;
    return at === from ? undefined : { ...block, from, to: at };
  };
}

/** Puts each value at the place of its row, counted from `start`. */
function scatter(
  values: Float64Array | Uint32Array,
  rows: Uint32Array,
  start: number,
  { target, first, stride }: PlacedColumn,
): void {
  for (let i = 0; i < rows.length; i++) target[(rows[i] - start) * stride + first] = values[i];
}
