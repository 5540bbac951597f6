import {
  appendFault,
  appendNull,
  appendReal,
  appendSpan,
  appendText,
  appendWords,
  type ColumnBuffer,
  growRows,
  type TextBuffer,
} from "./column_buffer.ts";

/** Appends a row of another buffer of the same type. */
type Copier = ((index: number) => void) & {
  /**
   * Appends rows without a call each, if none of the other buffer's is null.
   *
   * @param indices Rows of the other buffer. Shape (at least `count`).
   * @returns Whether they were appended; otherwise nothing is.
   */
  readonly all: (indices: Int32Array, count: number) => boolean;
};

/** Returns a function that appends a row of another buffer of the same type. Each text is copied once. */
export function copierOf(buffer: ColumnBuffer, source: ColumnBuffer): Copier {
  const { one, all } = appenderOf(buffer, source);
  const copy = (index: number): void => {
    if (source.nulls[index] === 0) return one(index);
    const fault = source.faults.get(index);
    if (fault === undefined) appendNull(buffer);
    else appendFault(buffer, fault, source.found.get(index));
  };
  return Object.assign(copy, {
    all(indices: Int32Array, count: number): boolean {
      if (source.nullCount > 0 || source.faults.size > 0) return false;
      const first = buffer.length;
      if (first + count > buffer.nulls.length) growRows(buffer, first + count);
      all(indices, count);
      buffer.nulls.fill(0, first, first + count);
      buffer.length = first + count;
      return true;
    },
  });
}

interface Appender {
  readonly one: (index: number) => void;
  /** Sets the values of the next rows, for which there is memory. */
  readonly all: (indices: Int32Array, count: number) => void;
}

function appenderOf(buffer: ColumnBuffer, source: ColumnBuffer): Appender {
  if (buffer.type === "INTEGER" && source.type === "INTEGER") {
    return {
      one: (index) => appendWords(buffer, source.words[2 * index], source.words[2 * index + 1]),
      all(indices, count) {
        const [{ words }, { words: from }] = [buffer, source];
        for (let i = 0, to = 2 * buffer.length; i < count; i++, to += 2) {
          words[to] = from[2 * indices[i]];
          words[to + 1] = from[2 * indices[i] + 1];
        }
      },
    };
  }
  if (buffer.type === "REAL" && source.type === "REAL") {
    return {
      one: (index) => appendReal(buffer, source.values[index]),
      all(indices, count) {
        const [{ values, length }, { values: from }] = [buffer, source];
        for (let i = 0; i < count; i++) values[length + i] = from[indices[i]];
      },
    };
  }
  if (buffer.type !== "TEXT" || source.type !== "TEXT") {
    throw new Error(`cannot copy ${source.type} to ${buffer.type}`);
  }
  return textAppender(buffer, source);
}

function textAppender(buffer: TextBuffer, source: TextBuffer): Appender {
  // Offset of each text in the buffer; −1 if it has not been copied since the buffer was cleared.
  const places = new Int32Array(source.length).fill(-1);
  let { fills } = buffer;
  const forgetCleared = () => {
    if (fills === buffer.fills) return;
    places.fill(-1);
    fills = buffer.fills;
  };
  const one = (index: number): void => {
    forgetCleared();
    const start = source.spans[2 * index];
    const end = source.spans[2 * index + 1];
    const place = places[index];
    if (place >= 0) return appendSpan(buffer, place, place + end - start);
    places[index] = buffer.byteCount;
    appendText(buffer, source.bytes, start, end);
  };
  return {
    one,
    all(indices, count) {
      forgetCleared();
      const { spans: from } = source;
      const { spans, length: first } = buffer;
      for (let i = 0; i < count; i++) {
        const index = indices[i];
        const place = places[index];
        if (place < 0) {
          buffer.length = first + i;
          one(index);
          continue;
        }
        const length = from[2 * index + 1] - from[2 * index];
        spans[2 * (first + i)] = place;
        spans[2 * (first + i) + 1] = place + length;
        buffer.textLength += length;
      }
    },
  };
}
