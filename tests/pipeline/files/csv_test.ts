import assert from "node:assert/strict";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

type Row = Record<string, unknown>;
const empty: Row = { whole: null, part: null, word: null, seen_at: null };

/** What a text file loads as. */
const loads: readonly { what: string; content: string | Uint8Array; rows: Row[] }[] = [
  {
    what: "commas, quotes, doubled quotes and line feeds in a field",
    content: 'id,word\n1,"a, b"\n2,"say ""hi"""\n3,"two\nlines"\n4,plain\n',
    rows: [{ id: 1, word: "a, b" }, { id: 2, word: 'say "hi"' }, { id: 3, word: "two\nlines" }, {
      id: 4,
      word: "plain",
    }],
  },
  {
    what: "CRLF, a byte order mark and no line feed at the end",
    content: '\ufeffid,word\r\n1,a\r\n2,"b"\r\n3,c',
    rows: [{ id: 1, word: "a" }, { id: 2, word: "b" }, { id: 3, word: "c" }],
  },
  {
    what: "an empty field as NULL, in quotes or not; NA is a text",
    content: 'id,word,part\n1,,\n2,"",1\n3,NA,""\n',
    rows: [{ id: 1 }, { id: 2, part: 1 }, { id: 3, word: "NA" }],
  },
  {
    what: "lines that end with CR alone, or with all ends at once",
    content: 'id,word\r1,a\r2,"b\rc"\r\n3,d\n4,\r\r5,e',
    rows: [{ id: 1, word: "a" }, { id: 2, word: "b\rc" }, { id: 3, word: "d" }, { id: 4 }, {
      id: 5,
      word: "e",
    }],
  },
  { what: "bars", content: "id|word\n1|a,b\n", rows: [{ id: 1, word: "a,b" }] },
  {
    what: "delimiters in the quotes of the header, which do not count",
    content: '\n"a;b;c;d;e",id,word\nx,1,2\n',
    rows: [{ id: 1, word: "2" }],
  },
  {
    what: "quotes in the header, before characters beyond ASCII",
    content: '"price ""net"" (€)",id,"word"\n7,1,2\n',
    rows: [{ id: 1, word: "2" }],
  },
  {
    what: "booleans as pandas, R and SQL write them, for numbers",
    content: "id,whole,part,word\n1,TRUE,True,true\n2,false,False,FALSE\n",
    rows: [{ id: 1, whole: 1, part: 1, word: "true" }, { id: 2, whole: 0, part: 0, word: "FALSE" }],
  },
  {
    what: "spellings of an integer, which a column of texts keeps apart",
    content: "id,whole,word\n1,012,012\n2,+12,+12\n3,1.2e1,1.2e1\n4,12.0,12.0\n5,-0,-0\n",
    rows: [
      { id: 1, whole: 12, word: "012" },
      { id: 2, whole: 12, word: "+12" },
      { id: 3, whole: 12, word: "1.2e1" },
      { id: 4, whole: 12, word: "12.0" },
      { id: 5, whole: 0, word: "-0" },
    ],
  },
  {
    what: "dates without hyphens",
    content: "id,seen_at\n1,20240131\n2,20240131T101500Z\n",
    rows: [
      { id: 1, seen_at: 1706659200000000 },
      { id: 2, seen_at: 1706696100000000 },
    ],
  },
  { what: "semicolons", content: "id;word\n1;a,b\n", rows: [{ id: 1, word: "a,b" }] },
  { what: "tabs", content: "id\tword\n1\ta b\n", rows: [{ id: 1, word: "a b" }] },
  {
    what: "blank lines, which are skipped",
    content: "id,word\n\n1,a\n\r\n2,b\n\n",
    rows: [{ id: 1, word: "a" }, { id: 2, word: "b" }],
  },
  { what: "one column", content: "id\n7\n8\n", rows: [{ id: 7 }, { id: 8 }] },
  { what: "a header alone", content: "id,word\n", rows: [] },
  {
    what: "numbers in all their spellings",
    content: "id,whole,part\n1,12.0,1e3\n2,-7,-.5\n3,+8, 2.50 \n4,9007199254740993,NaN\n",
    rows: [
      { id: 1, whole: 12, part: 1000 },
      { id: 2, whole: -7, part: -0.5 },
      { id: 3, whole: 8, part: 2.5 },
      { id: 4, whole: "9007199254740993" },
    ],
  },
  {
    what: "times with and without a zone, and microseconds",
    content:
      "id,seen_at\n1,2021-03-23T02:01:48.339Z\n2,2021-03-23 04:01:48.339+02:00\n3,2021-03-23\n4,1616464908339000\n",
    rows: [
      { id: 1, seen_at: 1616464908339000 },
      { id: 2, seen_at: 1616464908339000 },
      { id: 3, seen_at: 1616457600000000 },
      { id: 4, seen_at: 1616464908339000 },
    ],
  },
  {
    what: "text beyond ASCII",
    content: "id,word\n1,Größe\n2,日本 🚗\n",
    rows: [{ id: 1, word: "Größe" }, { id: 2, word: "日本 🚗" }],
  },
];

for (const { what, content, rows } of loads) {
  Deno.test(`csv: ${what}`, () =>
    withTables(async ({ store, write }) => {
      await ingest(store, { files: { things: [write("things.csv", content)] }, allowMissing: true });
      assert.deepEqual(rowsOf(store, "things"), rows.map((row) => ({ ...empty, ...row })));
    }, thingsSchema));
}

/** What does not load, and which row and column it is. */
const fails: readonly {
  what: string;
  content: string | Uint8Array;
  kind?: "file-invalid";
  message: RegExp;
}[] = [
  {
    what: "a word for a number",
    content: "id,part\n1,2\n2,abc\n",
    message: /row 2, column "part": "abc" is not a finite number\. Correct/,
  },
  {
    what: "a number that overflows",
    content: "id,part\n1,1e400\n",
    message: /row 1, column "part": "1e400" is not a finite number/,
  },
  {
    what: "a fraction for an integer",
    content: "id,whole\n1,1.5\n",
    message: /row 1, column "whole": "1\.5" is not a 64-bit integer/,
  },
  {
    what: "an integer of 65 bits",
    content: "id,whole\n1,9223372036854775808\n",
    message: /is not a 64-bit integer/,
  },
  {
    what: "a day that is not",
    content: "id,seen_at\n1,2021-02-30\n",
    message: /row 1, column "seen_at": "2021-02-30" is not a time/,
  },
  { what: "too few fields", content: "id,word\n1,a\n2\n", message: /row 2: 1 fields, expected 2/ },
  {
    what: "too many fields",
    content: "id,word\n1,a,b\n",
    message: /row 1: 3 fields, expected 2\. The row begins "1,a,b"\. Correct/,
  },
  {
    what: "text behind a closing quote",
    content: 'id,word\n1,"a"b\n',
    message: /row 1: text follows the closing quote of a field/,
  },
  { what: "no key", content: "id,word\n,a\n", message: /row 1, column "id": no value, expected one/ },
  {
    what: "a NUL",
    content: "id,word\n" + "1,x\n".repeat(2_000) + "9,a\0b\n",
    message: /row 2,001, column "word": text with a NUL character/,
  },
  {
    what: "bytes that are not UTF-8",
    content: Uint8Array.from([...new TextEncoder().encode("id,word\n1,"), 0xc3, 0x28, 0x0a]),
    message: /row 1, column "word": "\ufffd\(" is text that is not valid UTF-8\. .*--encoding windows-1252/,
  },
  {
    what: "a header that is not UTF-8",
    content: Uint8Array.from([
      ...new TextEncoder().encode("id,w"),
      0xf6,
      ...new TextEncoder().encode("rd\n1,a\n"),
    ]),
    kind: "file-invalid",
    message: /its header is text that is not valid UTF-8\. .*--encoding windows-1252/,
  },
  {
    what: "a number of more than 400 bytes",
    content: `id,whole\n1,1${" ".repeat(400)}2\n`,
    message: /row 1, column "whole": 402 bytes are not a number, expected at most 400/,
  },
  {
    what: "a number with a comma",
    content: 'id;part\n1;"0,221"\n',
    message:
      /row 1, column "part": "0,221" is not a finite number\. If its comma is a decimal comma, use --decimal-comma/,
  },
  {
    what: "a text for no value, as R writes it",
    content: "id,part\n1,NA\n",
    message: /row 1, column "part": "NA" is not a finite number\. If it means no value, use --null "NA"/,
  },
  {
    what: "a text for no value, as MySQL writes it",
    content: "id,whole\n1,\\N\n",
    message: /is not a 64-bit integer\. If it means no value, use --null "\\\\N"/,
  },
  {
    what: "a text for no value in a column of times",
    content: "id,seen_at\n1,N/A\n",
    message: /"N\/A" is not a time, .*\. If it means no value, use --null "N\/A"/,
  },
  {
    what: "Unix seconds",
    content: "id,seen_at\n1,1706696100\n",
    message:
      /row 1, column "seen_at": 1706696100 is not a plausible time, expected ISO 8601, as .*If it is seconds, multiply it by 1,000,000/,
  },
  {
    what: "Unix milliseconds",
    content: "id,seen_at\n1,1706696100000\n",
    message: /1706696100000 is not a plausible time.*If it is milliseconds, multiply it by 1,000\. Correct/,
  },
  {
    what: "Unix nanoseconds",
    content: "id,seen_at\n1,1706696100000000000\n",
    message: /1706696100000000000 is not a plausible time.*If it is nanoseconds, divide it by 1,000/,
  },
  {
    what: "a date and time run together",
    content: "id,seen_at\n1,20240131101500\n",
    message: /20240131101500 is not a plausible time/,
  },
  {
    what: "eight digits that are not a date",
    content: "id,seen_at\n1,20241331\n",
    message: /20241331 is not a plausible time/,
  },
  {
    what: "a boolean for a time",
    content: "id,seen_at\n1,true\n",
    message: /1 is not a plausible time/,
  },
  {
    what: "a header of one column that lacks one",
    content: "id:word\n1:a\n",
    kind: "file-invalid",
    message:
      /no column "id".* Its header is one column, separated by ","\. If the delimiter is another one, give it with --delimiter/,
  },
  {
    what: "a header with text behind a closing quote",
    content: '"id"x,word\n1,a\n',
    kind: "file-invalid",
    message: /in its header, text follows the closing quote of a field/,
  },
  {
    what: "a text of more than 16 KiB",
    content: `id,word\n1,${"x".repeat(16_385)}\n`,
    message: /text of 16,385 bytes, expected at most 16,384/,
  },
  {
    what: "a quote that is never closed",
    content: 'id,word\n1,"a\n',
    kind: "file-invalid",
    message: /it has an unclosed quote/,
  },
  {
    what: "two columns of one name",
    content: "id,word,word\n1,a,b\n",
    kind: "file-invalid",
    message: /it has two columns named word\. Rename one/,
  },
  { what: "an empty file", content: "", kind: "file-invalid", message: /it is empty/ },
  {
    what: "UTF-16",
    content: Uint8Array.from([0xff, 0xfe, 0x69, 0, 0x64, 0]),
    kind: "file-invalid",
    message: /it is UTF-16\. Use --encoding utf-16, or save it as UTF-8/,
  },
];

for (const { what, content, kind = "row-rejected" as const, message } of fails) {
  Deno.test(`csv: ${what} fails`, () =>
    withTables(async ({ store, write }) => {
      const path = write("things.csv", content);
      await assertRejected(ingest(store, { files: { things: [path] }, allowMissing: true }), kind, message);
      assert.deepEqual(rowsOf(store, "things"), []);
    }, thingsSchema));
}

for (const [end, shown] of [["\n", "LF"], ["\r\n", "CRLF"], ["\r", "CR"]]) {
  Deno.test(`csv: records wherever a window of the file ends are read as they are, with ${shown}`, () =>
    withTables(async ({ store, write }) => {
      // Longer than the first window of a megabyte, with quotes and line feeds at every distance from its end.
      const words = Array.from({ length: 30_000 }, (_, i) => `${"x".repeat(i % 61)}"${end}${i}`);
      const lines = words.map((word, i) => `${i},"${word.replaceAll('"', '""')}"${end}`);
      await ingest(store, {
        files: { things: [write("things.csv", `id,word${end}${lines.join("")}`)] },
        allowMissing: true,
      });
      assert.deepEqual(rowsOf(store, "things").map(({ word }) => word), words);
    }, thingsSchema));
}

Deno.test("csv: a column without a name, as R writes row names, is named by nothing", () =>
  withTables(async ({ store, write }) => {
    const load = (content: string, columnNames = {}) =>
      ingest(store, { files: { things: [write("things.csv", content)] }, allowMissing: true, columnNames });
    const content = '"","word"\n"1","a"\n"2","b"\n';
    await assertRejected(
      load(content),
      "file-invalid",
      /It has a column without a name: use it with clickwell ingest --column things\.id=/,
    );
    // A name that is like the key's says less.
    await assertRejected(
      load(content.replace("word", "ida")),
      "file-invalid",
      /It has a column without a name: use it with clickwell ingest --column things\.id=/,
    );
    await assertRejected(
      load(content.replace("word", "ID")),
      "file-invalid",
      /It has "ID": use it with clickwell ingest --column things\.id=ID/,
    );
    await load(content, { things: { id: "" } });
    assert.deepEqual(rowsOf(store, "things").map(({ id, word }) => [id, word]), [[1, "a"], [2, "b"]]);
    await assertRejected(
      load(",word,\n1,a,2\n", { things: { id: "" } }),
      "file-invalid",
      /it has two columns without a name\. Name one/,
    );
  }, thingsSchema));

Deno.test("csv: a record without an end stops at 16 MiB", () =>
  withTables(async ({ store, write }) => {
    const path = write("things.csv", `id,word\n1,"${"x".repeat(17 * 2 ** 20)}\n`);
    await assertRejected(
      ingest(store, { files: { things: [path] }, allowMissing: true }),
      "file-invalid",
      /longer than 16,777,216 bytes\. Is a quote left open/,
    );
  }, thingsSchema));
