/** One column of a chunk, with the same count of numbers for each row. */
export type Column =
  | Float64Array<SharedArrayBuffer>
  | Uint32Array<SharedArrayBuffer>
  | Uint16Array<SharedArrayBuffer>
  | Uint8Array<SharedArrayBuffer>;

/** The place of a column in its chunk's record. */
export interface ColumnPlace {
  readonly type: "float64" | "uint32" | "uint16" | "uint8";
  /** Byte offset in the record. */
  readonly at: number;
  readonly length: number;
}

/** The place of a chunk's record. */
export interface Place {
  readonly path: string;
  /** Byte offset in the file. */
  readonly at: number;
  readonly byteCount: number;
  /** Size up to which the record may grow without overwriting the next one. */
  readonly byteCountMax: number;
}

/** A field of a spilled chunk: each column is replaced by its place, other values are unchanged. */
export type Placed<Value> = Value extends ArrayBufferView ? ColumnPlace
  : Value extends readonly (infer Element)[] ? readonly Placed<Element>[]
  : Value;

/** A chunk whose columns are in a file. */
export interface SpilledChunk<Chunk> {
  readonly place: Place;
  readonly fields: { readonly [Name in keyof Chunk]: Placed<Chunk[Name]> };
}

/**
 * A chunk, in memory or in a file. Readers load it the same way, so the numbers and their order do not depend on where it is.
 * It can be posted to another thread.
 */
export type StoredChunk<Chunk> = Chunk | SpilledChunk<Chunk>;

/** The fields of a chunk that are not columns. */
export type PlainFields<Chunk> = Pick<
  Chunk,
  { [Name in keyof Chunk]: Chunk[Name] extends number | readonly number[] ? Name : never }[keyof Chunk]
>;

export function isSpilled<Chunk extends object>(stored: StoredChunk<Chunk>): stored is SpilledChunk<Chunk> {
  return "place" in stored;
}

/** Returns the fields that are not columns, without reading the file. */
export function plainFields<Chunk extends object>(stored: StoredChunk<Chunk>): PlainFields<Chunk> {
  // `Placed` leaves plain fields unchanged, which the compiler cannot infer for an unknown chunk type.
  return (isSpilled(stored) ? stored.fields : stored) as PlainFields<Chunk>;
}

/**
 * A record holds a chunk's columns one after the other, in the machine's byte order, as the process that wrote it also reads
 * it. Each column starts at a multiple of the widest number, so that a typed array can be created over it.
 */
const alignment = 8;

/** The layout of a chunk's record. */
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
    // An empty column is at 0: it writes nothing, so the record must not be extended to its offset.
    const at = column.length === 0 ? 0 : aligned(end);
    if (column.length > 0) end = at + column.byteLength;
    columns.push({ at, column });
    return { type: typeOf(column), at, length: column.length };
  };
  const fields = mapFields(chunk, isColumn, place) as SpilledChunk<Chunk>["fields"];
  return { fields, columns, byteCount: end };
}

/** Returns the next offset at which a column or a record may start. */
export function aligned(at: number): number {
  return Math.ceil(at / alignment) * alignment;
}

/** Returns a chunk whose columns are views of a record's bytes. */
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

/** Maps each value for which `isWanted` is true, in a field or in a list; other values are unchanged. */
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

/** Returns the chunk with each column replaced; other values are unchanged. */
export function mapColumns<Chunk extends object>(chunk: Chunk, map: (column: Column) => Column): Chunk {
  return mapFields(chunk, isColumn, map) as Chunk;
}

export function isColumn(value: unknown): value is Column {
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
