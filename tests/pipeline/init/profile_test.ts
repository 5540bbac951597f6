import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  type ColumnProfile,
  profileFile,
  type ProfileOptions,
  tableNameOf,
  type TableProfile,
} from "../../../pipeline/init/profile.ts";
import { labelOf } from "../../../pipeline/init/label.ts";
import { startThreads, workerUrl } from "../../../pipeline/runtime/thread_pool.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";
import { ndjsonOf, parquetOf } from "../../support/temp_files.ts";

/** Profiles a file of some content. */
async function profiled(
  name: string,
  content: string | Uint8Array,
  options?: ProfileOptions,
): Promise<TableProfile> {
  const found: TableProfile[] = [];
  await inFolder(async (folder) => {
    const path = join(folder, name);
    await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
    found.push(await profileFile(path, options));
  });
  return found[0];
}

function column({ columns }: TableProfile, name: string): ColumnProfile {
  const found = columns.find((column) => column.name === name);
  assert(found, `no column ${name}`);
  return found;
}

const kindsOf = ({ columns }: TableProfile) =>
  Object.fromEntries(columns.map(({ name, kind }) => [name, kind]));

const rows = [
  {
    id: 1,
    share: 0.5,
    is_new: true,
    sent: "2024-01-31T10:15:00Z",
    born: "1990-05-01",
    word: "a",
    zip: "01234",
    none: null,
  },
  {
    id: 2,
    share: 1.5,
    is_new: false,
    sent: "2024-02-01 09:00:00",
    born: "1985-01-31",
    word: "b",
    zip: "99999",
    none: null,
  },
  {
    id: 3,
    share: null,
    is_new: true,
    sent: "2024-02-02T09:00:00Z",
    born: "2001-12-24",
    word: "a",
    zip: "01234",
    none: null,
  },
];
const kinds = {
  id: "integer",
  share: "real",
  is_new: "boolean",
  sent: "time",
  born: "date",
  word: "text",
  zip: "text",
  none: "empty",
};

Deno.test("init: the kinds of columns are the same in CSV, newline-delimited JSON and gzip", async () => {
  const names = Object.keys(rows[0]);
  const lines = rows.map((row) => Object.values(row).map((value) => value ?? "").join(","));
  const csv = [names.join(","), ...lines].join("\n");
  assert.deepEqual(kindsOf(await profiled("t.csv", csv)), kinds);
  assert.deepEqual(kindsOf(await profiled("t.csv.gz", gzipSync(csv))), kinds);
  assert.deepEqual(kindsOf(await profiled("t.ndjson", ndjsonOf(rows))), kinds);
});

Deno.test("init: parquet has its types; texts are times if all of them are, and never numbers", async () => {
  const profile = await profiled(
    "t.parquet",
    parquetOf([
      { id: 1n, x: 0.5, flag: true, at: new Date(0), day: "2024-01-31", code: "12", big: 2n ** 60n },
      { id: 2n, x: null, flag: false, at: new Date(1), day: "2024-02-01", code: "13", big: 2n ** 60n + 1n },
    ]),
  );
  assert.deepEqual(kindsOf(profile), {
    id: "integer",
    x: "real",
    flag: "boolean",
    at: "time",
    day: "date",
    code: "text",
    big: "integer",
  });
  assert.deepEqual([profile.rowCount, profile.isCounted, profile.rowsLookedAt], [2, true, 2]);
  // A double would not distinguish the two.
  assert.equal(column(profile, "big").isUnique, true);
});

Deno.test("init: counts of a column are those of its rows", async () => {
  const profile = await profiled("t.csv", "n,word\n3,b\n1,a\n3,b\n,a\n2,b\n");
  const { values, ...n } = column(profile, "n");
  assert.deepEqual(n, {
    name: "n",
    kind: "integer",
    rows: 5,
    nulls: 1,
    distinct: 3,
    singles: 2,
    pairs: 1,
    isUnique: false,
    isSorted: false,
    range: { min: 1, median: 3, max: 3, mean: 2.25 },
    levels: [{ level: "3", count: 2 }, { level: "1", count: 1 }, { level: "2", count: 1 }],
    length: undefined,
  });
  assert.deepEqual(values, { is: "numbers", numbers: Float64Array.of(3, 1, 3, NaN, 2) });
  const word = column(profile, "word");
  assert.deepEqual(word.levels, [{ level: "b", count: 3 }, { level: "a", count: 2 }]);
  assert.deepEqual(word.length, { min: 1, max: 1, mean: 1, words: 1 });
  assert.deepEqual(word.values, { is: "texts", texts: ["b", "a"], codes: Int32Array.of(0, 1, 0, 1, 0) });
});

Deno.test("init: encoding, decimal comma and texts for no value are detected", async () => {
  const text = "größe;preis;ort\n1,5;10;Köln\n2,5;NA;Zürich\n0,75;30;Köln\n";
  const latin = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const profile = await profiled("t.csv", latin);
  assert.deepEqual(profile.format, { encoding: "windows-1252", decimalComma: true, nulls: ["NA"] });
  assert.deepEqual(kindsOf(profile), { größe: "real", preis: "integer", ort: "text" });
  assert.equal(column(profile, "größe").range?.max, 2.5);
  assert.equal(column(profile, "preis").nulls, 1);
  const utf16 = new Uint8Array(new Uint16Array([0xfeff, ...[...text].map((c) => c.charCodeAt(0))]).buffer);
  assert.equal((await profiled("u.csv", utf16)).format.encoding, "utf-16");
});

Deno.test("init: a comma next to a point is no decimal comma, and a note says so", async () => {
  const profile = await profiled("t.csv", "a;b\n1,5;1.5\n2,5;2.5\n");
  assert.deepEqual(kindsOf(profile), { a: "text", b: "real" });
  assert.match(
    profile.notes.join(),
    /^a is read as text: its numbers have a comma, and those of another column have a point/,
  );
});

Deno.test("init: a comma that may separate thousands is no decimal comma unless the user says so", async () => {
  const text = 'a,b\n"1,500",1\n"12,500",2\n';
  const profile = await profiled("t.csv", text);
  assert.deepEqual(kindsOf(profile), { a: "text", b: "integer" });
  assert.match(profile.notes.join(), /^a is read as text: .* may separate thousands.*use --decimal-comma/);
  // No thousands begin with 0.
  assert.deepEqual(kindsOf(await profiled("t.csv", "a;b\n0,125;1\n1,500;2\n")), { a: "real", b: "integer" });
  const given = await profiled("t.csv", text, { format: { decimalComma: true } });
  assert.equal(column(given, "a").range?.max, 12.5);
});

Deno.test("init: integers that are all dates are dates, and ids of as many digits are not", async () => {
  const profile = await profiled(
    "t.csv",
    "day,id\n20240131,20249999\n20240201,20240101\n20240229,20240102\n",
  );
  assert.deepEqual(kindsOf(profile), { day: "date", id: "integer" });
  assert.equal(column(profile, "day").levels.at(-1)?.level, "2024-02-29T00:00:00Z");
});

Deno.test("init: a large parquet file is looked at in ranges over all of it, with or without row groups", async () => {
  const rowCount = 400_000;
  const many = Array.from({ length: rowCount }, (_, i) => ({ n: i, word: i % 3 ? `w${i % 7}` : null }));
  for (const rowGroupSize of [20_000, rowCount]) {
    const profile = await profiled("t.parquet", parquetOf(many, { rowGroupSize }));
    assert.deepEqual([profile.rowCount, profile.rowsLookedAt], [rowCount, 100_000]);
    const { values, range, isSorted, distinct } = column(profile, "n");
    assert.deepEqual([range?.min, isSorted, distinct], [0, true, 100_000]);
    assert((range?.max ?? 0) >= 0.95 * rowCount - 1, `up to ${range?.max}`);
    // Columns skip the same rows.
    const word = column(profile, "word").values;
    assert(values.is === "numbers" && word.is === "texts");
    values.numbers.forEach((n, row) =>
      assert.equal(word.texts[word.codes[row]], n % 3 ? `w${n % 7}` : undefined)
    );
  }
});

Deno.test("init: a large CSV file is looked at in ranges over all of it", async () => {
  const rowCount = 300_000;
  const lines = Array.from({ length: rowCount }, (_, i) => `${i},text of row ${i}`);
  const profile = await profiled("t.csv", ["n,word", ...lines].join("\n"));
  assert(profile.rowsLookedAt >= 100_000 && profile.rowsLookedAt <= 160_000, String(profile.rowsLookedAt));
  assert.equal(profile.isCounted, false);
  assert(Math.abs(profile.rowCount / rowCount - 1) < 0.05, String(profile.rowCount));
  assert.deepEqual([column(profile, "n").range?.min, column(profile, "n").range?.max], [0, rowCount - 1]);
  assert.equal(column(profile, "word").isUnique, true);
});

Deno.test("init: a key is checked in all rows of a file, not only in those that were looked at", async () => {
  const rowCount = 200_000;
  // The rows that repeat a key lie between two ranges.
  const keyOf = (i: number) => i === 40_001 ? 40_000 : i;
  const many = Array.from({ length: rowCount }, (_, i) => ({
    id: BigInt(keyOf(i)),
    word_id: `w${keyOf(i)}`,
    big_id: 2n ** 60n + BigInt(keyOf(i)),
    sound_id: `s${i}`,
  }));
  const profile = await profiled("t.parquet", parquetOf(many, { rowGroupSize: rowCount }));
  assert(profile.rowsLookedAt < rowCount);
  assert.deepEqual(profile.columns.map(({ name, isUnique }) => [name, isUnique]), [
    ["id", false],
    ["word_id", false],
    ["big_id", false],
    ["sound_id", true],
  ]);
  const lines = Array.from(
    { length: 300_000 },
    (_, i) => `${i === 299_000 ? 20_000 : i},${"text ".repeat(5)}`,
  );
  const text = await profiled("t.csv", ["id,word", ...lines].join("\n"));
  assert(text.rowsLookedAt < 200_000);
  assert.equal(column(text, "id").isUnique, false);
});

Deno.test("init: columns that no table can have are named", async () => {
  const long = "x".repeat(300);
  const profile = await profiled("t.csv", `,a,A,b\tc,${long},ä ö\n1,2,3,4,5,6\n`);
  assert.deepEqual(profile.columns.map(({ name }) => name), ["a", "ä ö"]);
  assert.deepEqual(profile.unreadable.map(({ column, why }) => [column.slice(0, 3), why]), [
    ["", "it has no name"],
    ["A", "its name differs from a only in case"],
    ["b\tc", "its name has a control character"],
    ["xxx", "its name is longer than 256 bytes"],
  ]);
});

Deno.test("init: rows that cannot be read are counted in a note", async () => {
  const profile = await profiled("t.csv", "a,b\n1,2\n3\n4,5\n");
  assert.match(profile.notes.join(), /^1 row of 3 cannot be loaded: 1 fields, expected 2/);
  assert.equal(profile.title, undefined);
});

Deno.test("init: a row that cannot be read is no row with missing values: the key is still one", async () => {
  const profile = await profiled("t.csv", "id,name\n1,x\n2\n3,y\n4,\n");
  const [id, name] = profile.columns;
  assert.deepEqual([id.rows, id.nulls, id.isUnique], [3, 0, true]);
  assert.deepEqual([name.rows, name.nulls, name.distinct], [3, 1, 2]);
  assert.equal(profile.rowsLookedAt, 4);
});

Deno.test("init: a title above the names is said to be one", async () => {
  const wide = await profiled("t.csv", "Report of 2024,,,\nid,a,b,clicked\n1,2,3,0\n2,2,3,1\n");
  assert.equal(
    wide.title,
    "The first line (Report of 2024) does not name 3 of the 4 columns: if it is a title, remove it, so that the names come first.",
  );
  assert.throws(
    () => labelOf(wide, "clicked"),
    /has no column of that name\. .*The first line \(Report of 2024\)/,
  );
  const narrow = await profiled("t.csv", "Report of 2024\nid,a,clicked\n1,2,0\n2,2,1\n");
  assert.match(
    narrow.title ?? "",
    /^The first line \(Report of 2024\) does not name the columns of the rows/,
  );
  const indexed = await profiled("t.csv", ",a,clicked\n0,2,0\n1,2,1\n");
  assert.equal(indexed.title, undefined, "the column without a name that pandas writes");
});

Deno.test("init: a file that is missing, empty or of another format is a failure", async () => {
  await assertRejected(profileFile("missing.csv"), "file-missing", /missing\.csv does not exist/);
  await assertRejected(profiled("t.csv", ""), "file-invalid", /is empty/);
  await assertRejected(profiled("t.xlsx", Uint8Array.of(0x50, 0x4b, 3, 4, 0)), "file-invalid", /spreadsheet/);
});

Deno.test("init: the name of a table is that of its file, in letters, digits and underscores", () => {
  const cases = [
    ["a/mails.csv.gz", "mails"],
    ["Große Angebote 2024.parquet", "Große_Angebote_2024"],
    ["2024-leads.ndjson", "table_2024_leads"],
    ["loads.csv", "table_loads"],
    ["examples.csv", "table_examples"],
    ["---.csv", "rows"],
  ];
  for (const [path, name] of cases) assert.equal(tableNameOf(path), name);
});

Deno.test("init: columns of lists and objects are not loaded, with one of their values", async () => {
  const profile = await profiled(
    "t.ndjson",
    ndjsonOf([{ a: 1, b: [1], c: null }, { a: 2, b: [2], c: { d: 1 } }]),
  );
  assert.deepEqual(profile.columns.map(({ name }) => name), ["a"]);
  assert.deepEqual(profile.unreadable, [
    { column: "b", why: "it has values such as this: [1] is an array, expected one value" },
    { column: "c", why: 'it has values such as this: {"d":1} is an object, expected one value' },
  ]);
  assert.deepEqual(profile.notes, []);
});

Deno.test("init: dates in other forms, and seconds since 1970, are no times, with a note", async () => {
  const text =
    "gesendet;created_at;n\n12/31/2023;1700000000;1\n1/1/2024;1700000001;2\n01/02/2024;1700000002;3\n";
  const profile = await profiled("t.csv", text);
  assert.deepEqual(kindsOf(profile), { gesendet: "text", created_at: "integer", n: "integer" });
  assert.deepEqual(profile.notes.map((note) => note.replace(/\. Written.*/, "")), [
    "gesendet looks like dates (12/31/2023), and is read as text",
    "created_at looks like seconds since 1970 (2023-11-14 to 2023-11-14), and is read as a number",
  ]);
});

Deno.test("init: dates with names of months, in mixed forms, and milliseconds are no times, with a note", async () => {
  const text =
    "born|sent|seen_ms|may\nJan 5, 1990|2024-01-31|1700000000000|May 5\n31 Dec 1985|12/31/2023|1700000000001|x\n" +
    "1-Feb-91|1.1.2024|1700000000002|y\n";
  const profile = await profiled("t.csv", text, { format: { delimiter: "|" } });
  assert.deepEqual(kindsOf(profile), { born: "text", sent: "text", seen_ms: "integer", may: "text" });
  assert.deepEqual(profile.notes.map((note) => note.replace(/ \(.*|\. Written.*/, "")), [
    "born looks like dates",
    "sent looks like dates",
    "seen_ms looks like milliseconds since 1970",
  ]);
});

Deno.test("init: integers of 2000 to 2035 in one unit look like times under any name; ids and numbers of rows do not", async () => {
  const at = (row: number) => 1_600_000_000 + 86_413 * ((row * 37) % 101);
  const lines = Array.from({ length: 120 }, (_, row) => {
    const time = at(row);
    return `${time},${time * 1e3 + row},${time * 1e6 + row},${1_600_000_000 + row},${time},${
      row * 20_000_000
    },${row % 2}`;
  });
  const { notes } = await profiled("t.csv", `a,b,c,number,lender_id,amount,x\n${lines.join("\n")}\n`);
  assert.deepEqual(notes.map((note) => note.replace(/, and is read.*/, "")), [
    "a looks like seconds since 1970 (2020-09-13 to 2020-12-22)",
    "b looks like milliseconds since 1970 (2020-09-13 to 2020-12-22)",
    "c looks like microseconds since 1970 (2020-09-13 to 2020-12-22)",
  ]);
  assert.match(notes[1], /"type":"time",.*, and multiply it by 1,000 in the view of the schema\.$/);
  assert.match(
    notes[2],
    /\{"name":"c","type":"time","parts":\["hour","weekday","month"\]\} in the feature spec\.$/,
  );
});

Deno.test("init: dates with points are dates, with or without a time", async () => {
  const text = "tag;gesendet\n31.12.2023;1.1.2024 7:05\n1.1.2024;2.1.2024 18:30\n;28.02.2024 00:00:00\n";
  assert.deepEqual(kindsOf(await profiled("t.csv", text)), { tag: "date", gesendet: "time" });
});

Deno.test("init: numbers with a unit are texts, with a note", async () => {
  const profile = await profiled("t.csv", 'a,b,c\n"$1,200",12.5 %,5\n$80,3 %,x\n');
  assert.deepEqual(profile.notes.map((note) => note.replace(/,? and is read.*/, "")), [
    "a looks like numbers with a unit ($1,200)",
    "b looks like numbers with a unit (12.5 %)",
  ]);
});

Deno.test("init: numbers with a unit are recognised next to texts that mean no value", async () => {
  const { notes } = await profiled("t.csv", "a,b\nN/A,1\n12 €,2\n13 €,3\n");
  assert.deepEqual(notes.map((note) => note.replace(/,? and is read.*/, "")), [
    "a looks like numbers with a unit (12 €)",
  ]);
});

Deno.test("init: a few texts among numbers are named, with the flag that makes them no value", async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i / 4},0${i},${i % 7 === 0 ? "a" : "b"}`);
  const { notes } = await profiled("t.csv", `x,code,kind\n${lines.join("\n")}\ninf,total,a\n-inf,,b\n`);
  assert.deepEqual(notes, [
    'x is read as text: among its numbers are "inf" "-inf". If that means no value, it would be numeric with --null "inf" "-inf".',
  ]);
});

Deno.test("init: numbers with separated thousands are texts, with a note", async () => {
  const profile = await profiled("t.csv", "a;b;c\n2.345,67;1,234.5;1.2.3\n-3,10;7;4\n12.000;8;5\n");
  assert.deepEqual(profile.notes.map((note) => note.replace(/,? and is read.*/, "")), [
    "a looks like numbers with separated thousands (2.345,67)",
    "b looks like numbers with separated thousands (1,234.5)",
  ]);
});

Deno.test("init: numbers with spaces between thousands, or negative as in accounts, are texts, with a note", async () => {
  const profile = await profiled(
    "t.csv",
    "a;b;c;d\n1 234;(12,50);1'200;1 2\n12 345,5;7;80;x\n1 000;30-;3;(y)\n",
  );
  assert.deepEqual(profile.notes.map((note) => note.replace(/,? and is read.*/, "")), [
    "a looks like numbers with separated thousands (1 234)",
    "b looks like numbers of which the negative ones are written as (12,50)",
    "c looks like numbers with separated thousands (1'200)",
  ]);
});

Deno.test("init: numbers of nines far from all others are said to mean no value, perhaps", async () => {
  const lines = Array.from({ length: 60 }, (_, i) => {
    const age = i % 10 === 0 ? -999 : 20 + i;
    return `${age},${i % 20 === 0 ? 9999 : i / 7},${i % 10 === 0 ? 99 : i},${i === 3 ? 999_999 : i % 7}`;
  });
  const text = `age,score,count,once\n${lines.join("\n")}\n`;
  const { notes } = await profiled("t.csv", text);
  assert.deepEqual(notes.map((note) => note.replace(/, and .*If/, " … If")), [
    "age is -999 in 6 rows … If that means no value, use --null -999.",
    "score is 9999 in 3 rows … If that means no value, use --null 9999.",
  ]);
});

Deno.test("init: a first line that looks like a row is mentioned", async () => {
  const profile = await profiled("t.csv", "12,0.5,a\n13,0.7,b\n14,0.1,a\n");
  assert.match(
    profile.notes.join(),
    /^the first line \(12, 0\.5, a\) gives the names of the columns, and looks like a row/,
  );
  await assertRejected(
    profiled("t.csv", "1,1,0\n2,3,1\n"),
    "file-invalid",
    /two columns named 1\. If its first line is a row, put a line with the names of the columns before it\.$/,
  );
});

Deno.test("init: numbers keep their spelling until all of a column are numbers", async () => {
  const text = "a,b,c,d,e\n1.50,12.0,1.50,007,-999\n2,13.0,2,008,5\n-3,,x,009,-1\n";
  const profile = await profiled("t.csv", text, { format: { nulls: ["-999"] } });
  assert.deepEqual(kindsOf(profile), { a: "real", b: "integer", c: "text", d: "text", e: "integer" });
  assert.deepEqual(column(profile, "a").values, { is: "numbers", numbers: Float64Array.of(1.5, 2, -3) });
  assert.deepEqual(column(profile, "b").values, { is: "numbers", numbers: Float64Array.of(12, 13, NaN) });
  assert.deepEqual(column(profile, "c").levels.map(({ level }) => level), ["1.50", "2", "x"]);
  assert.deepEqual(column(profile, "d").levels[0].level, "007");
  assert.deepEqual([column(profile, "e").nulls, column(profile, "e").range?.min], [1, -1]);
});

Deno.test("profile: threads that share the columns of a parquet file find the same", async () => {
  const ordinary = parquetOf(rows);
  const narrow = parquetOf(rows.map(({ id }) => ({ id })));
  const threads = startThreads(2, workerUrl("../../../pipeline/init/look_worker.ts", import.meta.url));
  try {
    for (const content of [ordinary, narrow]) {
      const { path: _, ...alone } = await profiled("t.parquet", content);
      const { path: __, ...shared } = await profiled("t.parquet", content, { threads });
      assert.deepEqual(shared, alone);
    }
    await assertRejected(
      profiled("t.parquet", ordinary.subarray(0, ordinary.length - 20), { threads }),
      "file-invalid",
      /t\.parquet/,
    );
  } finally {
    threads.close();
  }
});
