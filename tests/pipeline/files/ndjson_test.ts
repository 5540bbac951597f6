import assert from "node:assert/strict";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

const lines = (...rows: unknown[]) =>
  rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join("");

Deno.test("ndjson: values of all kinds, fields in any order, absent ones as NULL", () =>
  withTables(async ({ store, write }) => {
    const content = lines(
      { id: 1, whole: 12, part: 1.5, word: "Größe", seen_at: "2021-03-23T02:01:48.339Z" },
      { seen_at: 1616464908339000, word: "", id: 2, part: 7, whole: true },
      "",
      { id: 3, whole: "9007199254740993", part: "2.5", word: 42 },
      { id: 4, word: null },
      { id: 6, word: true },
      { id: 7, word: -0.5 },
    ) + '{"id":5}';
    const { tables } = await ingest(store, { files: { things: [write("things.json", content)] } });
    assert.equal(tables.things.inserted, 7);
    assert.deepEqual(rowsOf(store, "things"), [
      { id: 1, whole: 12, part: 1.5, word: "Größe", seen_at: 1616464908339000 },
      { id: 2, whole: 1, part: 7, word: "", seen_at: 1616464908339000 },
      { id: 3, whole: "9007199254740993", part: 2.5, word: "42", seen_at: null },
      { id: 4, whole: null, part: null, word: null, seen_at: null },
      { id: 5, whole: null, part: null, word: null, seen_at: null },
      { id: 6, whole: null, part: null, word: "true", seen_at: null },
      { id: 7, whole: null, part: null, word: "-0.5", seen_at: null },
    ]);
  }, thingsSchema));

const fails: readonly { what: string; content: string | Uint8Array; message: RegExp }[] = [
  {
    what: "a truncated line",
    content: '{"id":1}\n{"id":2,"wo',
    message: /row 2: the line is not valid JSON: .*\. The row begins "\{\\"id\\":2,\\"wo"\. Correct/,
  },
  {
    what: "a line that is not an object",
    content: '{"id":1}\n[2]\n',
    message: /row 2: the line is not a JSON object/,
  },
  {
    what: "an integer of 65 bits",
    content: '{"id":1,"whole":18446744073709551615}\n',
    message: /row 1, column "whole": 18446744073709551615 needs more than 64 bits/,
  },
  {
    what: "a number that is not an integer a double can hold",
    content: '{"id":1,"whole":9007199254740993.0}\n',
    message: /row 1, column "whole": 9007199254740992 is not an integer that a double holds exactly/,
  },
  {
    what: "a field that occurs twice",
    content: '{"id":1,"word":"a:{"}\n{"id":2,"word":"a","part":{"word":1},"w\\u006frd":"b"}\n',
    message: /row 2: the line has the field "word" twice, expected once/,
  },
  {
    what: "Unix seconds",
    content: '{"id":1,"seen_at":1706696100}\n',
    message: /row 1, column "seen_at": 1706696100 is not a plausible time/,
  },
  {
    what: "a boolean for a time",
    content: '{"id":1,"seen_at":true}\n',
    message: /row 1, column "seen_at": true is a boolean, expected a time/,
  },
  {
    what: "a number that overflows",
    content: '{"id":1,"part":1e400}\n',
    message: /row 1, column "part": Infinity is not finite/,
  },
  {
    what: "a word for a number",
    content: '{"id":1,"part":"many"}\n',
    message: /row 1, column "part": "many" is not a finite number/,
  },
  {
    what: "an empty text for a number",
    content: '{"id":1,"part":""}\n',
    message: /row 1, column "part": "" is not a number/,
  },
  {
    what: "an ambiguous number for a text",
    content: '{"id":1,"word":1e300}\n',
    message: /row 1, column "word": 1e\+300 is a number beyond 2\^53, which is ambiguous, expected text/,
  },
  {
    what: "a list",
    content: '{"id":1,"word":["a"]}\n',
    message: /row 1, column "word": \["a"\] is an array, expected one value/,
  },
  {
    what: "an object",
    content: '{"id":1,"word":{}}\n',
    message: /row 1, column "word": \{\} is an object, expected one value/,
  },
  {
    what: "half of a surrogate pair",
    content: '{"id":1,"word":"\\ud800"}\n',
    message: /row 1, column "word": text with an unpaired surrogate/,
  },
  {
    what: "a NUL",
    content: '{"id":1,"word":"a\\u0000b"}\n',
    message: /row 1, column "word": text with a NUL character/,
  },
  {
    what: "no key",
    content: '{"id":1}\n{"word":"a"}\n',
    message: /row 2, column "id": no value, expected one/,
  },
  {
    what: "bytes that are not UTF-8",
    content: Uint8Array.from([
      ...new TextEncoder().encode('{"id":1}\n{"id":2,"word":"'),
      0xff,
      0x22,
      0x7d,
      0x0a,
    ]),
    message: /row 2: the line is text that is not valid UTF-8\. .*--encoding windows-1252/,
  },
];

for (const { what, content, message } of fails) {
  Deno.test(`ndjson: ${what} fails`, () =>
    withTables(async ({ store, write }) => {
      const path = write("things.ndjson", content);
      await assertRejected(
        ingest(store, { files: { things: [path] }, allowMissing: true }),
        "row-rejected",
        message,
      );
      assert.deepEqual(rowsOf(store, "things"), []);
    }, thingsSchema));
}

Deno.test("ndjson: integers beyond 2^53 are exact", () =>
  withTables(async ({ store, write }) => {
    const content = '{"id":9007199254740993,"whole":-9223372036854775808,"word":1152921504606846977}\n' +
      '{"id":1,"word":"12345678901234567890 {\\"x\\":9007199254740993}","seen_at":20240131}\n';
    await ingest(store, { files: { things: [write("things.ndjson", content)] }, allowMissing: true });
    assert.deepEqual(rowsOf(store, "things"), [
      {
        id: 1,
        whole: null,
        part: null,
        word: '12345678901234567890 {"x":9007199254740993}',
        seen_at: 1706659200000000,
      },
      {
        id: "9007199254740993",
        whole: "-9223372036854775808",
        part: null,
        word: "1152921504606846977",
        seen_at: null,
      },
    ]);
  }, thingsSchema));

Deno.test("ndjson: Python's NaN and Infinity mean no value, and texts that look like them are texts", () =>
  withTables(async ({ store, write }) => {
    const content =
      '{"id":1,"part":NaN,"word":"NaN, \\"Infinity"}\n{"id":2,"part":-Infinity,"whole":Infinity}\n{"id":3,"part":1.5}\n';
    await ingest(store, { files: { things: [write("things.ndjson", content)] }, allowMissing: true });
    assert.deepEqual(rowsOf(store, "things").map(({ id, whole, part, word }) => [id, whole, part, word]), [
      [1, null, null, 'NaN, "Infinity'],
      [2, null, null, null],
      [3, null, 1.5, null],
    ]);
  }, thingsSchema));

Deno.test("ndjson: a file whose first line is not JSON is reported with its beginning", () =>
  withTables(async ({ store, write }) => {
    const load = (content: string) => ingest(store, { files: { things: [write("things.ndjson", content)] } });
    const expected =
      /things\.ndjson: line 1 is not valid JSON: .*; it begins "\{\\"id\\": 1,"\. Expected a JSON object on each line/;
    await assertRejected(load('{"id": 1,\n "word": "a"}\n'), "file-invalid", expected);
    await assertRejected(load("{'id': 1}\n"), "file-invalid", /line 1 is not valid JSON/);
    await assertRejected(load('{"id":1,"id":2}\n'), "file-invalid", /line 1 has the field "id" twice/);
    // Lines that end with CR alone are one line, which is no JSON.
    await assertRejected(load('{"id":1}\r{"id":2}\r'), "file-invalid", /line 1 is not valid JSON/);
  }, thingsSchema));

Deno.test("ndjson: names that every object has are columns like any other", () =>
  withTables(async ({ store, write }) => {
    const path = write("things.ndjson", '{"id":1,"__proto__":{"word":"inherited"},"constructor":2}\n');
    const { files } = await ingest(store, { files: { things: [path] }, allowMissing: true });
    assert.deepEqual(files[0].leftOut, ["__proto__", "constructor"]);
    assert.equal(rowsOf(store, "things")[0].word, null);
  }, thingsSchema));

Deno.test("ndjson: a field behind thousands of others is read", () =>
  withTables(async ({ store, write }) => {
    const others = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`other ${i}`, i]));
    const path = write("things.ndjson", lines({ id: 1, ...others, word: "a" }));
    await ingest(store, { files: { things: [path] }, allowMissing: true });
    assert.equal(rowsOf(store, "things")[0].word, "a");
  }, thingsSchema));

Deno.test("ndjson: a field that first occurs after the first megabyte is not lost silently", () =>
  withTables(async ({ store, write }) => {
    const first = Array.from({ length: 40_000 }, (_, i) => `{"id":${i},"word":"abcdefghijkl"}\n`).join("");
    const path = write("things.ndjson", `${first}{"id":40000,"part":1}\n`);
    await assertRejected(
      ingest(store, { files: { things: [path] }, allowMissing: true }),
      "file-invalid",
      /row 40,001 has a field "part" that no row of the first megabyte has/,
    );
  }, thingsSchema));

Deno.test("ndjson: lines longer than a window are read, and one without an end stops at 16 MiB", () =>
  withTables(async ({ store, write }) => {
    const long = lines({ id: 1, other: "y".repeat(3 * 2 ** 20) }, { id: 2, other: "z" });
    const { tables } = await ingest(store, {
      files: { things: [write("long.ndjson", long)] },
      allowMissing: true,
    });
    assert.equal(tables.things.inserted, 2);
    const endless = write("endless.ndjson", `{"id":3,"other":"${"y".repeat(17 * 2 ** 20)}`);
    await assertRejected(
      ingest(store, { files: { things: [endless] }, allowMissing: true }),
      "file-invalid",
      /longer than 16,777,216 bytes/,
    );
  }, thingsSchema));
