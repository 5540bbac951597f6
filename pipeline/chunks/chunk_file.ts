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

/**
 * A chunk's columns, one after the other, in the machine's byte order: a record is read by the process that wrote it.
 * Each begins at a multiple of the widest number, so that an array can be laid over it.
 */
const alignment = 8;

/** A chunk's columns with their places. */
export interface ChunkRecord<Chunk> {
  readonly fields: SpilledChunk<Chunk>["fields"];
  readonly columns: readonly { readonly at: number; readonly column: Column }[];
  readonly byteCount: number;
}

/** Lays out a chunk's columns. */
export function recordOf<Chunk extends object>(chunk: Chunk): ChunkRecord<Chunk> {
  const columns: { at: number; column: Column }[] = [];
  let end = 0;
  const place = (column: Column): ColumnPlace => {
    // An empty column is anywhere: nothing is written that a record could end with.
    const at = column.length === 0 ? 0 : aligned(end);
    if (column.length > 0) end = at + column.byteLength;
    columns.push({ at, column });
    return { type: typeOf(column), at, length: column.length };
  };
  const fields = mapFields(chunk, isColumn, place) as SpilledChunk<Chunk>["fields"];
  return { fields, columns, byteCount: end };
}

/** The next place at which a column, or a record, may begin. */
export function aligned(at: number): number {
  return Math.ceil(at / alignment) * alignment;
}

/** The chunk over a record's bytes, which stay what its columns are made of. */
export function chunkOver<Chunk extends object>(
  { fields }: SpilledChunk<Chunk>,
  bytes: SharedArrayBuffer,
): Chunk {
  return mapFields(fields, isPlace, (place) => columnOver(place, bytes)) as Chunk;
}

function columnOver({ type, at, length }: ColumnPlace, bytes: SharedArrayBuffer): Column {
  switch (type) {
    case "float64":
      return new Float64Array(bytes, at, length);
    case "uint32":
      return new Uint32Array(bytes, at, length);
    case "uint16":
      return new Uint16Array(bytes, at, length);
    case "uint8":
      return new Uint8Array(bytes, at, length);
  }
}

/** Turns what `isWanted`, in a field or in a list, into something else; the other fields stay as they are. */
function mapFields<Value>(
  chunk: object,
  isWanted: (value: unknown) => value is Value,
  map: (value: Value) => unknown,
): object {
  const mapped = ([name, value]: [string, unknown]) => {
    if (isWanted(value)) return [name, map(value)];
    return [name, Array.isArray(value) ? value.map((item) => isWanted(item) ? map(item) : item) : value];
  };
  return Object.fromEntries(Object.entries(chunk).map(mapped));
}

function isColumn(value: unknown): value is Column {
  return ArrayBuffer.isView(value);
}

function isPlace(value: unknown): value is ColumnPlace {
  return typeof value === "object" && value !== null && "type" in value;
}

function typeOf(column: Column): ColumnPlace["type"] {
  if (column instanceof Float64Array) return "float64";
  if (column instanceof Uint32Array) return "uint32";
  return column instanceof Uint16Array ? "uint16" : "uint8";
}
