import assert from "node:assert/strict";
import { newColumns } from "../../../pipeline/chunks/chunk_store.ts";
import { transformed } from "../../../pipeline/encode/encoder.ts";
import { transformChunk } from "../../../pipeline/encode/transform_chunk.ts";
import type { OrderedChunk } from "../../../pipeline/examples/ordered_chunk.ts";
import {
  sharedFloat64,
  sharedUint16,
  sharedUint32,
  sharedUint8,
} from "../../../pipeline/runtime/shared_memory.ts";

const values = [0, -0, 1, 2, 4_095, 4_096, 4_097, 1.5, -1, -4_095, 1e-9, 1e300, NaN];

function chunkOf(numbers: readonly number[], width: number): OrderedChunk {
  const rowCount = numbers.length / width;
  const numeric = sharedFloat64(numbers.length);
  numeric.set(numbers);
  return {
    rowCount,
    numeric,
    codes: [sharedUint16(rowCount)],
    labels: sharedUint8(rowCount),
    groups: sharedUint32(rowCount),
    partEnds: [rowCount],
  };
}

Deno.test("transform: a column becomes what serving makes of each number, to the last bit; the others stay", () => {
  const before = values.flatMap((value) => [value, value]);
  const { numeric, codes } = transformChunk(
    chunkOf(before, 2),
    [{ transform: "none" }, { transform: "log1p" }],
    newColumns,
  );
  values.forEach((value, row) => {
    assert.ok(Object.is(numeric[2 * row], value), `${value} is kept`);
    assert.ok(Object.is(numeric[2 * row + 1], transformed("log1p", value)), `log1p of ${value}`);
  });
  assert.equal(codes.length, 1);
});

Deno.test("transform: positions of exact values are those before the transform", () => {
  const { codes } = transformChunk(
    chunkOf([3, 0, NaN, 7], 1),
    [{ transform: "log1p", exactValues: [0, 3] }],
    newColumns,
  );
  assert.deepEqual([...codes[1]], [1, 0, 3, 2]);
});
