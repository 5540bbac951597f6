/**
 * The loops over the values of a page, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task page-kernel` compiles
 * it to pages.wasm, which is committed next to it. Its only caller is pipeline/files/parquet/page_kernel.ts, which allocates the memory.
 *
 * A file is read or written in less time than V8 takes to compile such loops. Addresses are in bytes; words of eight bytes are read
 * and written up to seven bytes beyond the last value.
 */

/**
 * Fields of the state of a reader, of 4 bytes each: where the next byte is, what is left of a run of equal or of packed values, and the
 * greatest value that was read last.
 */
const place: usize = 0;
const equalLeft: usize = 4;
const equalValue: usize = 8;
const packedLeft: usize = 12;
const packedBit: usize = 16;
const greatestValue: usize = 20;

const lengthMax: u64 = 0x7fffffff;

/**
 * Reads the next values of the hybrid of run lengths and bit packing, see pipeline/files/parquet/rle_bit_packed.ts.
 *
 * @param state Six fields; the place is relative to `from`.
 * @param bitWidth 1 to 32.
 * @param output Of 4 bytes each.
 * @returns The number of values: fewer than `count` if the data ends before.
 */
export function unpack(state: usize, from: usize, end: usize, bitWidth: i32, output: usize, count: i32): i32 {
  const width = <u64> bitWidth;
  const mask: u64 = (<u64> 1 << width) - 1;
  const valueBytes = (<usize> bitWidth + 7) >> 3;
  let at = from + <usize> load<u32>(state, place);
  let equal = load<i32>(state, equalLeft);
  let packed = load<i32>(state, packedLeft);
  let bit = <u64> load<u32>(state, packedBit);
  let greatest: u32 = 0;
  let done = 0;
  while (done < count) {
    if (equal > 0) {
      const value = load<u32>(state, equalValue);
      greatest = max(greatest, value);
      const stop = done + min(equal, count - done);
      equal -= stop - done;
      for (; done < stop; done++) store<u32>(output + (<usize> done << 2), value);
    } else if (packed > 0) {
      // The last group of a page may be truncated.
      const available = ((<u64> (end - at) << 3) - bit) / width;
      const stop = done + <i32> min<u64>(available, <u64> min(packed, count - done));
      if (stop == done) break;
      packed -= stop - done;
      for (; done < stop; done++) {
        const value = <u32> ((load<u64>(at) >> bit) & mask);
        greatest = max(greatest, value);
        store<u32>(output + (<usize> done << 2), value);
        bit += width;
        at += <usize> (bit >> 3);
        bit &= 7;
      }
    } else {
      let next = at;
      let header: u64 = 0;
      let byte: u64 = 0x80;
      for (let shift: u64 = 0; byte >= 0x80 && next < end && shift <= 28; shift += 7) {
        byte = <u64> load<u8>(next++);
        header |= (byte & 0x7f) << shift;
      }
      if (byte >= 0x80) break;
      if ((header & 1) == 0) {
        if (next + valueBytes > end) break;
        equal = <i32> min<u64>(header >> 1, lengthMax);
        store<u32>(state, <u32> (load<u64>(next) & ((<u64> 1 << (<u64> valueBytes << 3)) - 1)), equalValue);
        at = next + valueBytes;
      } else {
        // In groups of eight.
        packed = <i32> min<u64>(header >> 1 << 3, lengthMax);
        at = next;
        bit = 0;
      }
    }
  }
  store<u32>(state, <u32> (at - from), place);
  store<i32>(state, equal, equalLeft);
  store<i32>(state, packed, packedLeft);
  store<u32>(state, <u32> bit, packedBit);
  store<u32>(state, greatest, greatestValue);
  return done;
}

/** out = the least and the greatest integer. @param count At least 1. */
export function integerRange(values: usize, count: i32, out: usize): void {
  let least = load<i64>(values);
  let greatest = least;
  for (let i = 1; i < count; i++) {
    const value = load<i64>(values + (<usize> i << 3));
    least = min(least, value);
    greatest = max(greatest, value);
  }
  store<i64>(out, least);
  store<i64>(out, greatest, 8);
}

/** out = the least and the greatest number; NaN if there is one among them. @param count At least 1. */
export function realRange(values: usize, count: i32, out: usize): void {
  let least = load<f64>(values);
  let greatest = least;
  for (let i = 1; i < count; i++) {
    const value = load<f64>(values + (<usize> i << 3));
    least = min(least, value);
    greatest = max(greatest, value);
  }
  store<f64>(out, least);
  store<f64>(out, greatest, 8);
}

const integerBytes: usize = 8;

/**
 * Compresses integers by Snappy: of each, only its low bytes that differ from those of the integer before are written, and the others
 * copied.
 *
 * @returns The length of the output. @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function compressIntegers(input: usize, count: i32, output: usize): usize {
  const length = <usize> count << 3;
  let end = output;
  let rest = length;
  for (; rest >= 0x80; rest >>= 7) store<u8>(end++, <u8> (rest & 0x7f | 0x80));
  store<u8>(end++, <u8> rest);
  let from = input;
  for (let i = 1; i < count; i++) {
    const at = input + (<usize> i << 3);
    const differences = load<u64>(at) ^ load<u64>(at - integerBytes);
    if (differences >> 32 != 0) continue;
    const differing = <usize> ((39 - clz(<u32> differences)) >>> 3);
    if (from < at) end = appendLiteral(end, from, at + differing);
    else if (differing > 0) {
      store<u8>(end++, <u8> ((differing - 1) << 2));
      store<u32>(end, load<u32>(at));
      end += differing;
    }
    store<u8>(end++, <u8> (1 | (integerBytes - differing - 4) << 2));
    store<u8>(end++, <u8> integerBytes);
    from = at + integerBytes;
  }
  return appendLiteral(end, from, input + length) - output;
}

function appendLiteral(output: usize, from: usize, to: usize): usize {
  const length = to - from;
  if (length == 0) return output;
  let end = output;
  if (length <= 60) store<u8>(end++, <u8> ((length - 1) << 2));
  else {
    const sizeBytes = <usize> ((39 - clz(<u32> (length - 1))) >>> 3);
    store<u8>(end++, <u8> ((59 + sizeBytes) << 2));
    for (let size = length - 1; size > 0; size >>= 8) store<u8>(end++, <u8> size);
  }
  memory.copy(end, from, length);
  return end + length;
}

/**
 * Decompresses Snappy to exactly `size` bytes, and writes up to 15 bytes beyond them.
 *
 * @returns Whether the input is whole and has that length.
 */
export function uncompress(input: usize, inputEnd: usize, output: usize, size: usize): bool {
  const stop = output + size;
  let at = input;
  let length: u64 = 0;
  let byte: u64 = 0x80;
  for (let shift: u64 = 0; byte >= 0x80; shift += 7) {
    if (at >= inputEnd || shift > 28) return false;
    byte = <u64> load<u8>(at++);
    length |= (byte & 0x7f) << shift;
  }
  if (length != <u64> size) return false;
  let end = output;
  while (at < inputEnd) {
    const tag = <usize> load<u8>(at++);
    if ((tag & 3) == 0) {
      let literal = <u64> (tag >> 2) + 1;
      if (literal > 60) {
        const sizeBytes = <usize> (literal - 60);
        if (sizeBytes > inputEnd - at) return false;
        literal = (<u64> load<u32>(at) & ((<u64> 1 << (<u64> sizeBytes << 3)) - 1)) + 1;
        at += sizeBytes;
      }
      if (literal > <u64> (inputEnd - at) || literal > <u64> (stop - end)) return false;
      const literalBytes = <usize> literal;
      if (literalBytes <= 16) v128.store(end, v128.load(at));
      else memory.copy(end, at, literalBytes);
      at += literalBytes;
      end += literalBytes;
      continue;
    }
    let distance: usize = 0;
    let copied = (tag >> 2) + 1;
    if ((tag & 3) == 1) {
      copied = 4 + ((tag >> 2) & 7);
      distance = tag >> 5 << 8 | <usize> load<u8>(at++);
    } else if ((tag & 3) == 2) {
      distance = <usize> load<u16>(at);
      at += 2;
    } else {
      distance = <usize> load<u32>(at);
      at += 4;
    }
    if (at > inputEnd || distance == 0 || distance > end - output || copied > stop - end) return false;
    const from = end - distance;
    // What a step reads is written: a text may be a repetition of its own beginning.
    if (distance >= 16) {
      for (let k: usize = 0; k < copied; k += 16) v128.store(end + k, v128.load(from + k));
    } else if (distance >= 8) {
      for (let k: usize = 0; k < copied; k += 8) store<u64>(end + k, load<u64>(from + k));
    } else {
      for (let k: usize = 0; k < copied; k++) store<u8>(end + k, load<u8>(from + k));
    }
    end += copied;
  }
  return end == stop;
}
