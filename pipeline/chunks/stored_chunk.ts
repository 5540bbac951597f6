/** One column of a chunk: as many numbers for each of its rows. */
export type Column =
  | Float64Array<SharedArrayBuffer>
  | Uint32Array<SharedArrayBuffer>
  | Uint16Array<SharedArrayBuffer>
  | Uint8Array<SharedArrayBuffer>;

/** Where a column lies in its chunk's record. */
export interface ColumnPlace {
  readonly type: "float64" | "uint32" | "uint16" | "uint8";
  /** Bytes from the record's beginning. */
  readonly at: number;
  readonly length: number;
}

/** Where a chunk's record lies. */
export interface Place {
  readonly path: string;
  /** Bytes from the file's beginning. */
  readonly at: number;
  readonly byteCount: number;
  /** What the record may grow to without running into the next one. */
  readonly byteCountMax: number;
}

/** A field as it is kept in memory of a chunk in a file: a place for each column, all else as it is. */
export type Placed<Value> = Value extends ArrayBufferView ? ColumnPlace
  : Value extends readonly (infer Element)[] ? readonly Placed<Element>[]
  : Value;

/** A chunk whose columns lie in a file. */
export interface SpilledChunk<Chunk> {
  readonly place: Place;
  readonly fields: { readonly [Name in keyof Chunk]: Placed<Chunk[Name]> };
}

/**
 * A chunk, in memory or in a file. Who reads its columns loads it and cannot tell; so the same numbers come in the same
 * order, wherever they lie. It can be posted to another thread.
 */
export type StoredChunk<Chunk> = Chunk | SpilledChunk<Chunk>;

/** What is known of a chunk without its columns. */
export type PlainFields<Chunk> = Pick<
  Chunk,
  { [Name in keyof Chunk]: Chunk[Name] extends number | readonly number[] ? Name : never }[keyof Chunk]
>;

export function isSpilled<Chunk extends object>(stored: StoredChunk<Chunk>): stored is SpilledChunk<Chunk> {
  return "place" in stored;
}

/** The fields that are no columns, without a look into the file. */
export function plainFields<Chunk extends object>(stored: StoredChunk<Chunk>): PlainFields<Chunk> {
  // Plain fields are kept as they are: what `Placed` says, which the compiler does not see for a chunk it does not know.
  return (isSpilled(stored) ? stored.fields : stored) as PlainFields<Chunk>;
}
