import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { gunzip } from "../../../pipeline/files/text/gunzip.ts";
import type { TextFormat } from "../../../pipeline/files/text/text_format.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { parquetOf } from "../../support/temp_files.ts";
import { rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

function utf16(text: string, order: "le" | "be", mark = "\ufeff"): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * (mark + text).length));
  [...Array((mark + text).length).keys()].forEach((i) =>
    view.setUint16(2 * i, (mark + text).charCodeAt(i), order === "le")
  );
  return new Uint8Array(view.buffer);
}

/** What a file of a format loads as: id, part, word. */
const loads: readonly {
  what: string;
  content: Uint8Array;
  format: TextFormat;
  rows: (string | number | null)[][];
}[] = [
  {
    what: "windows-1252",
    content: Uint8Array.from([...utf8("id,part,word\n1,2,"), 0x80, 0xe4, 0x99, ...utf8("\n")]),
    format: { encoding: "windows-1252" },
    rows: [[1, 2, "€ä™"]],
  },
  {
    what: "latin1, a byte a character",
    content: latin1("id,part,wörd,word\n1,2,x,\u0085ÿ\n"),
    format: { encoding: "latin1" },
    rows: [[1, 2, "\u0085ÿ"]],
  },
  ...(["le", "be"] as const).flatMap((order) =>
    ["\ufeff", ""].map((mark) => ({
      what: `UTF-16, ${order}, ${mark ? "with" : "without"} a byte order mark`,
      content: utf16("id,part,word\n1,2,Größe 🚗\n", order, mark),
      format: { encoding: "utf-16" } as const,
      rows: [[1, 2, "Größe 🚗"]],
    }))
  ),
  {
    what: "UTF-16, newline-delimited JSON",
    content: utf16('{"id":1,"part":2,"word":"ä"}\n', "le"),
    format: { encoding: "utf-16" },
    rows: [[1, 2, "ä"]],
  },
  {
    what: "a delimiter that the header does not show",
    content: utf8("id:part:word\n1:2:a,b\n"),
    format: { delimiter: ":" },
    rows: [[1, 2, "a,b"]],
  },
  {
    what: "decimal commas",
    content: utf8('id;part;word\n1;0,25;0,25\n2;-1,5e2;a\n3;"7,0";b\n4;12;c\n'),
    format: { decimalComma: true },
    rows: [[1, 0.25, "0,25"], [2, -150, "a"], [3, 7, "b"], [4, 12, "c"]],
  },
  {
    what: "texts that stand for no value, in columns of any type",
    content: utf8('id,part,word\n1,NA,NA\n2, NA ,"NULL"\n3,1,NAN\n4,2,na\n'),
    format: { nulls: ["NA", "NULL"] },
    rows: [[1, null, null], [2, null, null], [3, 1, "NAN"], [4, 2, "na"]],
  },
  {
    what: "texts that stand for no value, in newline-delimited JSON",
    content: utf8('{"id":1,"part":"NA","word":"NA"}\n{"id":2,"part":"1,5","word":"b"}\n'),
    format: { nulls: ["NA"], decimalComma: true },
    rows: [[1, null, null], [2, 1.5, "b"]],
  },
  {
    what: "gzip",
    content: gzipSync("id,part,word\n1,2,a\n"),
    format: {},
    rows: [[1, 2, "a"]],
  },
  {
    what: "gzip of several members, with padding behind",
    content: Uint8Array.from([
      ...gzipSync("id,part,wo"),
      ...gzipSync(""),
      ...gzipSync("rd\n1,2,a\n", { level: 0 }),
      ...gzipSync("2,3,b\n", { level: 9 }),
      0,
      0,
    ]),
    format: {},
    rows: [[1, 2, "a"], [2, 3, "b"]],
  },
  {
    what: "gzip of newline-delimited JSON in UTF-16",
    content: gzipSync(utf16('{"id":1,"part":2,"word":"ä"}\n', "be")),
    format: { encoding: "utf-16" },
    rows: [[1, 2, "ä"]],
  },
];

for (const { what, content, format, rows } of loads) {
  Deno.test(`text files: ${what}`, () =>
    withTables(async ({ store, write }) => {
      await ingest(store, { files: { things: [write("things.txt", content)] }, allowMissing: true, format });
      assert.deepEqual(rowsOf(store, "things").map(({ id, part, word }) => [id, part, word]), rows);
    }, thingsSchema));
}

const packed = gzipSync("id,part,word\n1,2,a\n".repeat(1_000));

const fails: readonly {
  what: string;
  content: string | Uint8Array;
  format?: TextFormat;
  kind?: "usage-invalid" | "row-rejected";
  message: RegExp;
}[] = [
  {
    what: "UTF-16 without --encoding",
    content: gzipSync(utf16("id\n1\n", "le")),
    message: /it is UTF-16\. Use --encoding utf-16/,
  },
  {
    what: "UTF-16 without a byte order mark and without --encoding",
    content: utf16("id\n1\n", "be", ""),
    message: /it is probably UTF-16: use --encoding utf-16/,
  },
  {
    what: "windows-1252 without --encoding, in JSON",
    content: Uint8Array.from([...utf8('{"id":1,"word":"'), 0xe4, ...utf8('"}\n')]),
    message: /line 1 is text that is not valid UTF-8\. .*--encoding windows-1252/,
  },
  {
    what: "UTF-8 with a mark, named windows-1252",
    content: "\ufeffid\n1\n",
    format: { encoding: "windows-1252" },
    message: /it begins with the byte order mark of UTF-8, so it is not windows-1252\. Omit --encoding/,
  },
  {
    what: "a byte that windows-1252 does not have",
    content: Uint8Array.from([...utf8("id,word\n1,"), 0x81, 0x0a]),
    format: { encoding: "windows-1252" },
    message: /byte 11 is 0x81, which is not a character of windows-1252\. Name another --encoding/,
  },
  {
    what: "half of a surrogate pair in UTF-16",
    content: utf16("id,word\n1,\ud800x\n", "le"),
    format: { encoding: "utf-16" },
    message: /it is not UTF-16 after byte 0/,
  },
  {
    what: "UTF-8 named UTF-16",
    content: "id\n1\n",
    format: { encoding: "utf-16" },
    message: /it is not UTF-16: it has no byte order mark/,
  },
  {
    what: "a point among decimal commas",
    content: "id;part\n1;1.234,5\n",
    format: { decimalComma: true },
    kind: "row-rejected",
    message: /row 1, column "part": "1\.234,5" is not a finite number, with a decimal comma and no point/,
  },
  {
    what: "a delimiter that the header does not have",
    content: "id,word\n1,a\n",
    format: { delimiter: ";" },
    message: /Its header has no ";", the delimiter given by --delimiter/,
  },
  {
    what: "a flag for text files with parquet",
    content: parquetOf([{ id: 1n, word: "NA" }]),
    format: { nulls: ["NA"] },
    kind: "usage-invalid",
    message: /with --null: it is parquet, and the flag is for CSV or newline-delimited JSON\. Leave it out/,
  },
  {
    what: "a delimiter for newline-delimited JSON",
    content: '{"id":1}\n',
    format: { delimiter: ";" },
    kind: "usage-invalid",
    message: /with --delimiter: it is newline-delimited JSON, and the flag is for CSV/,
  },
  {
    what: "truncated gzip",
    content: packed.subarray(0, packed.length - 20),
    message: /Cannot decompress .*: it is truncated\. The gzip file is damaged or truncated/,
  },
  {
    what: "gzip with another checksum",
    content: packed.map((byte, i) => i === packed.length - 8 ? byte ^ 1 : byte),
    message: /incorrect data check/,
  },
  {
    what: "gzip with something behind it",
    content: Uint8Array.from([...packed, 7, 7]),
    message: /the bytes after its end are not gzip/,
  },
  {
    what: "parquet that gzip has packed",
    content: gzipSync(parquetOf([{ id: 1n }])),
    message: /it is parquet, compressed by gzip as a whole: decompress it/,
  },
];

for (const { what, content, format, kind = "file-invalid" as const, message } of fails) {
  Deno.test(`text files: ${what} is rejected`, () =>
    withTables(async ({ store, write }) => {
      const files = { things: [write("things.txt", content)] };
      await assertRejected(ingest(store, { files, allowMissing: true, format }), kind, message);
      assert.deepEqual(rowsOf(store, "things"), []);
    }, thingsSchema));
}

Deno.test("text files: a file in another format than before is loaded again, in the same one it is known", () =>
  withTables(async ({ store, write }) => {
    const files = { things: [write("things.csv", "id,word\n1,NA\n2,a\n")] };
    await ingest(store, { files, allowMissing: true });
    const again = await ingest(store, { files, allowMissing: true });
    assert.equal(again.files[0].loadedBefore, true);
    const other = await ingest(store, {
      files,
      allowMissing: true,
      format: { nulls: ["NA"] },
      onConflict: "replace",
    });
    assert.deepEqual([other.files[0].loadedBefore, other.tables.things.replaced], [false, 1]);
  }, thingsSchema));

Deno.test("text files: gzip of any content and level is decompressed incrementally, without a difference", () =>
  withTables(async ({ store, write }) => {
    let state = 1;
    const random = () => (state = Math.imul(state, 48271) >>> 0) / 2 ** 32;
    const rows = Array.from(
      { length: 40_000 },
      (_, id) => `${id},${random()},w${"x".repeat(id % 50)}${id % 7}`,
    );
    for (const level of [0, 1, 6, 9]) {
      const content = gzipSync(`id,part,word\n${rows.join("\n")}\n`, { level });
      const { tables } = await ingest(store, {
        files: { things: [write(`things-${level}.csv.gz`, content)] },
        allowMissing: true,
      });
      // The same rows every time: what differs fails.
      assert.deepEqual(
        [tables.things.inserted, tables.things.unchanged],
        level === 0 ? [40_000, 0] : [0, 40_000],
      );
    }
  }, thingsSchema));

Deno.test("text files: any amount of gzip is decompressed in chunks of bounded size", () => {
  const packed = gzipSync(new Uint8Array(64 * 2 ** 20), { level: 9 });
  let rest: Uint8Array = packed;
  const next = gunzip(() => {
    const piece = rest;
    rest = new Uint8Array();
    return piece;
  }, "zeros");
  let [size, largest] = [0, 0];
  for (let piece = next(); piece.length > 0; piece = next()) {
    size += piece.length;
    largest = Math.max(largest, piece.length);
  }
  assert.equal(size, 64 * 2 ** 20);
  assert.ok(largest < 2 ** 18, `${largest} bytes at once`);
});
