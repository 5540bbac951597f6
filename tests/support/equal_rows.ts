/** Encodes a number in Thrift's compact protocol. */
export function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}

const integer = (value: number) => varint(2 * value);

/** Returns a parquet file with `id` 7 in each of `rowCount` rows: a dictionary of one value, and one run of its index. */
export function withEqualRows(rowCount: number): Uint8Array {
  const magic = [...new TextEncoder().encode("PAR1")];
  const value = [7, 0, 0, 0, 0, 0, 0, 0];
  const run = [1, ...varint(2 * rowCount), 0];
  const dictionary = [...header(2, value.length, [0x4c, 0x15, ...integer(1), 0x15, 0, 0]), ...value];
  const levels = [0x15, ...integer(3), 0x15, ...integer(3)];
  const data = [
    ...header(0, run.length, [0x2c, 0x15, ...integer(rowCount), 0x15, ...integer(8), ...levels, 0]),
    ...run,
  ];
  const pages = dictionary.length + data.length;
  const description = [
    ...[0x15, ...integer(2), 0x19, 0x25, ...integer(0), ...integer(8)],
    ...[0x19, 0x18, 2, 0x69, 0x64, 0x15, 0, 0x16, ...integer(rowCount)],
    ...[0x16, ...integer(pages), 0x16, ...integer(pages)],
    ...[0x26, ...integer(4 + dictionary.length), 0x26, ...integer(4), 0],
  ];
  const group = [
    ...[0x19, 0x1c, 0x26, ...integer(4), 0x1c, ...description, 0],
    ...[0x16, ...integer(pages), 0x16, ...integer(rowCount), 0],
  ];
  const schema = [
    0x48,
    1,
    0x73,
    0x15,
    ...integer(1),
    0,
    0x15,
    ...integer(2),
    0x25,
    0,
    0x18,
    2,
    0x69,
    0x64,
    0,
  ];
  const footer = [0x15, 2, 0x19, 0x2c, ...schema, 0x16, ...integer(rowCount), 0x19, 0x1c, ...group, 0];
  const length = new Uint8Array(Uint32Array.of(footer.length).buffer);
  return Uint8Array.from([...magic, ...dictionary, ...data, ...footer, ...length, ...magic]);
}

/** Returns the header of an uncompressed page. @param of Fields of its kind. */
function header(kind: number, size: number, of: readonly number[]): number[] {
  return [0x15, ...integer(kind), 0x15, ...integer(size), 0x15, ...integer(size), ...of, 0];
}
