import assert from "node:assert/strict";
import { createBuffer } from "../../../pipeline/files/columns/column_buffer.ts";
import { decodeValues } from "../../../pipeline/files/parquet/encodings.ts";
import { times } from "../../../pipeline/files/parquet/timestamps.ts";

Deno.test("parquet: times in milliseconds and nanoseconds are read from pages at any place in memory", () => {
  const values = [1_700_000_000_123n, -5n, 0n, 9_007_199_254_740n];
  for (const offset of [0, 1, 4, 8, 12, 24]) {
    const memory = new Uint8Array(offset + 8 * values.length).fill(0x5a);
    const view = new DataView(memory.buffer);
    values.forEach((value, i) => view.setBigInt64(offset + 8 * i, value, true));
    for (const [unit, factor, divisor] of [["MILLIS", 1000n, 1n], ["NANOS", 1n, 1000n]] as const) {
      const raw = decodeValues(memory.subarray(offset), "PLAIN", { name: "t", type: "INT64" }, values.length);
      const buffer = createBuffer("INTEGER");
      const append = times(unit)(raw, buffer);
      values.forEach((_, i) => append?.(i));
      assert.ok(buffer.type === "INTEGER");
      const words = buffer.words;
      const read = values.map((_, i) => (BigInt(words[2 * i + 1]) << 32n) | BigInt(words[2 * i] >>> 0));
      const floor = (value: bigint) => (value - ((value % divisor) + divisor) % divisor) / divisor;
      assert.deepEqual(read, values.map((value) => floor(factor * value)), `${unit} at ${offset}`);
    }
  }
});
