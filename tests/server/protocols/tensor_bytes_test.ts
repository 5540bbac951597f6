import assert from "node:assert/strict";
import { inspect } from "node:util";
import { assertFailure } from "../../support/expected_failure.ts";
import {
  type Datatype,
  datatypes,
  readTensorBytes,
  tensorBytes,
} from "../../../server/protocols/open_inference/tensor_bytes.ts";

function read(datatype: Datatype, bytes: readonly number[]): unknown[] {
  // Not at the start of its buffer, as after the JSON.
  const whole = Uint8Array.of(1, 2, 3, ...bytes, 4);
  const count = bytes.length / (datatypes[datatype] || 1);
  const place = { start: 1, end: 1 + bytes.length, count, at: "#" };
  const values = readTensorBytes(tensorBytes(whole.subarray(2)), datatype, place);
  return Array.from({ length: values.length }, (_, i) => values.at(i));
}

const bytesOf = (array: ArrayBufferView) => [...new Uint8Array(array.buffer)];

const cases:
  readonly (readonly [datatype: Datatype, bytes: readonly number[], values: readonly unknown[]])[] = [
    ["BOOL", [0, 1, 2], [false, true, true]],
    ["UINT8", [0, 255], [0, 255]],
    ["INT8", [255, 128, 127], [-1, -128, 127]],
    ["UINT16", [1, 2], [513]],
    ["INT16", [254, 255], [-2]],
    ["UINT32", [255, 255, 255, 255], [4_294_967_295]],
    ["INT32", [255, 255, 255, 255], [-1]],
    ["INT64", bytesOf(BigInt64Array.of(-7n, 2n ** 53n, 9_007_199_254_740_991n)), [
      -7,
      9_007_199_254_740_992n,
      9_007_199_254_740_991,
    ]],
    ["UINT64", bytesOf(BigUint64Array.of(12n, 2n ** 64n - 1n)), [12, 18_446_744_073_709_551_615n]],
    ["FP32", bytesOf(Float32Array.of(1.5, 0.1, NaN, Infinity)), [1.5, Math.fround(0.1), null, Infinity]],
    ["FP64", bytesOf(Float64Array.of(0.1, -0, NaN)), [0.1, -0, null]],
    // 1, −2, the smallest above 0, the largest, infinite, NaN.
    ["FP16", bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x7e00)), [
      1,
      -2,
      2 ** -24,
      65_504,
      -Infinity,
      null,
    ]],
    ["BF16", bytesOf(Uint16Array.of(0x3f80, 0xc040, 0x7fc0)), [1, -3, null]],
    ["BYTES", [1, 0, 0, 0, 65, 0, 0, 0, 0, 3, 0, 0, 0, 0xe2, 0x82, 0xac], ["A", "", "€"]],
    ["BYTES", [40, 0, 0, 0, ...Array(40).fill(66)], ["B".repeat(40)]],
  ];

for (const [datatype, bytes, values] of cases) {
  Deno.test(`tensors of ${datatype} are read from little-endian bytes: ${inspect(values)}`, () => {
    assert.deepEqual(read(datatype, bytes), values);
  });
}

for (
  const [what, bytes] of [
    ["Latin-1", [0x63, 0xe9]],
    ["half a character", [0xf0, 0x9f, 0x98]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a long text", [...Array(40).fill(0x41), 0xff]],
  ] as const
) {
  Deno.test(`tensors of BYTES: a string that is not valid UTF-8 is rejected (${what})`, () => {
    assertFailure(
      () => read("BYTES", [1, 0, 0, 0, 65, bytes.length, 0, 0, 0, ...bytes]),
      "input-invalid",
      /not valid/,
    );
  });
}
