import assert from "node:assert/strict";
import fc from "fast-check";
import { parseInteger, parseReal } from "../../../pipeline/files/text/number_text.ts";
import { parseTime } from "../../../pipeline/files/columns/field_value.ts";

// The same cases in every run, so that a failure can be repeated.
fc.configureGlobal({ seed: 20260101 });

Deno.test("a real is a decimal number, however it is written, and nothing else", () => {
  const rows: [string, number | undefined][] = [
    ["0", 0],
    ["-12.50", -12.5],
    ["+.5", 0.5],
    ["5.", 5],
    ["1e3", 1000],
    ["2.5E-3", 0.0025],
    ["nan", NaN],
    [" 12.5 ", 12.5],
    ["true", 1],
    ["False", 0],
    ["yes", undefined],
    ["", undefined],
    [".", undefined],
    ["1,5", undefined],
    ["0x10", undefined],
    ["1e999", undefined],
    ["Infinity", undefined],
    ["1_000", undefined],
    ["١", undefined],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseReal(text), value, text);
});

Deno.test("any double is read as it was written", () =>
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    assert.equal(parseReal(String(value)), value + 0);
  })));

Deno.test("an integer is exact to 64 bits, and a whole decimal is one", () => {
  const rows: [string, number | bigint | undefined][] = [
    ["12", 12],
    ["+12", 12],
    ["12.0", 12],
    ["1e3", 1000],
    ["-0", -0],
    ["12.5", undefined],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", 9007199254740993n],
    ["+9007199254740993", 9007199254740993n],
    ["9223372036854775807", 9223372036854775807n],
    ["-9223372036854775808", -9223372036854775808n],
    ["9223372036854775808", undefined],
    ["9".repeat(400), undefined],
    ["9007199254740993.0", 9007199254740993n],
    ["9.007199254740993e15", 9007199254740993n],
    ["9007199254740991.4", undefined],
    ["12.0000000000000000001", undefined],
    ["120e-1", 12],
    ["1e30", undefined],
    ["1e-400", undefined],
    ["0e-400", 0],
    ["012", 12],
    ["0".repeat(300) + "12", 12],
    [" 12\t", 12],
    ["1 2", undefined],
    ["True", 1],
    ["FALSE", 0],
    ["", undefined],
    [".", undefined],
    ["NaN", NaN],
    ["twelve", undefined],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseInteger(text), value, text);
});

Deno.test("any 64-bit integer is read as it was written", () =>
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
    assert.equal(BigInt(parseInteger(String(value)) ?? NaN), value);
  })));

Deno.test("a time is ISO 8601, or microseconds since 1970", () => {
  const rows: [string, number | bigint | undefined][] = [
    ["1970-01-01", 0],
    ["1970-01-01T00:00:00Z", 0],
    ["1969-12-31 23:59:59.999999", -1],
    ["2021-03-23T02:01:48.339123456Z", 1616464908339123],
    ["2021-03-23T02:01:48,339Z", 1616464908339000],
    ["2021-03-23T02:01Z", 1616464860000000],
    ["2021-03-23T04:01:48+02:00", 1616464908000000],
    ["2021-03-23T04:01:48+0200", 1616464908000000],
    ["2021-03-22T21:01:48-05", 1616464908000000],
    ["2021-03-23 02:01:48 UTC", 1616464908000000],
    ["0044-03-15", -60772291200000000n],
    ["9999-12-31T23:59:59.999999Z", 253402300799999999n],
    ["2000-02-29", 951782400000000],
    ["1616464908339123", 1616464908339123],
    ["2021-02-29", undefined],
    ["2021-13-01", undefined],
    ["2021-03-23T24:00:00Z", undefined],
    ["2021-03-23T23:60Z", undefined],
    ["2021-03-23T23:59:60Z", undefined],
    ["2021-03-23T02:01:48+25:00", undefined],
    ["23.03.2021", 1616457600000000],
    ["3.1.2021 7:05", 1609657500000000],
    ["23.03.2021, 02:01:48,339", 1616464908339000],
    ["03.23.2021", undefined],
    ["23.03.21", undefined],
    ["1.2.3", undefined],
    ["yesterday", undefined],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseTime(text), value, text);
});

Deno.test("any moment that a Date writes is read as it was", () =>
  fc.assert(
    fc.property(
      fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
      (date) => {
        assert.equal(BigInt(parseTime(date.toISOString()) ?? NaN), BigInt(date.getTime()) * 1000n);
      },
    ),
  ));
