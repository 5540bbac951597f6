import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder, run } from "../../support/program.ts";
import { type LoadedStore, rowsOf, withTables } from "../../support/tables.ts";

const schema = `
  CREATE TABLE calls (
    row_number INTEGER PRIMARY KEY,        -- given by the store
    place      INTEGER CHECK (place >= 0),
    answered   TEXT
  ) STRICT;
  CREATE VIEW examples AS SELECT row_number, place, answered = 'yes' AS clicked FROM calls;
`;

/** Writes rows whose key, where they are, is not among the columns. */
function csvOf(places: readonly (number | string)[]): string {
  return `place,answered\n${
    places.map((place) => `${place},${Number(place) % 3 === 0 ? "yes" : "no"}\n`).join("")
  }`;
}

function load(loaded: LoadedStore, paths: readonly string[], options: { rejectsPath?: string } = {}) {
  return ingest(loaded.store, { files: { calls: paths }, ...options });
}

function numbered({ store }: LoadedStore): unknown[] {
  return rowsOf(store, "calls").map(({ row_number, place }) => [row_number, place]);
}

Deno.test("row numbers: rows without a key are numbered in the order of the file, the next file after the last", () =>
  withTables(async (loaded) => {
    const first = loaded.write("a.csv", csvOf([9, 7, 8]));
    const second = loaded.write("b.csv", csvOf([7, 7]));
    const report = await load(loaded, [first, second]);
    assert.deepEqual(numbered(loaded), [[1, 9], [2, 7], [3, 8], [4, 7], [5, 7]]);
    assert.deepEqual(report.files.map(({ firstRowNumber }) => firstRowNumber), [1, 4]);
    assert.deepEqual(report.files.map(({ missing, duplicates }) => [missing, duplicates]), [[[], 0], [
      [],
      0,
    ]]);
    assert.equal(report.examples, 5);
  }, schema));

Deno.test("row numbers: the same file again changes nothing, also after other files and within one load", () =>
  withTables(async (loaded) => {
    const first = loaded.write("a.csv", csvOf([9, 7, 8]));
    const copy = loaded.write("copy.csv", csvOf([9, 7, 8]));
    await load(loaded, [first, first]);
    await load(loaded, [loaded.write("b.csv", csvOf([1]))]);
    const again = await load(loaded, [copy]);
    assert.deepEqual(numbered(loaded), [[1, 9], [2, 7], [3, 8], [4, 1]]);
    assert.deepEqual([again.tables.calls.inserted, again.tables.calls.unchanged], [0, 3]);
  }, schema));

Deno.test("row numbers: a large file, which a thread reads, is numbered like a small one", () =>
  withTables(async (loaded) => {
    const places = Array.from({ length: 300_000 }, (_, i) => (i * 7_919) % 300_007);
    const text = csvOf(places);
    assert.ok(text.length > 2 * 2 ** 20);
    await load(loaded, [loaded.write("small.csv", csvOf([5])), loaded.write("large.csv", text)]);
    const found = rowsOf(loaded.store, "calls").map(({ place }) => place);
    assert.deepEqual(found, [5, ...places]);
  }, schema));

Deno.test("row numbers: a rejected row keeps its number free, and the file again changes nothing", () =>
  withTables(async (loaded) => {
    const path = loaded.write("a.csv", csvOf([3, -4, "far", 5]));
    const rejectsPath = join(loaded.folder, "rejects.ndjson");
    for (const inserted of [2, 0]) {
      const { tables } = await load(loaded, [path], { rejectsPath });
      assert.deepEqual([tables.calls.inserted, tables.calls.rejected], [inserted, 2]);
      assert.deepEqual(numbered(loaded), [[1, 3], [4, 5]]);
      const rejects = Deno.readTextFileSync(rejectsPath).trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(rejects.map(({ row, values }) => [row, values]).sort(), [
        [2, { place: -4, answered: "no" }],
        [3, { place: "far", answered: "no" }],
      ]);
    }
  }, schema));

Deno.test("row numbers: a number is not given twice, also if its row was deleted", () =>
  withTables(async (loaded) => {
    await load(loaded, [loaded.write("a.csv", csvOf([1, 2]))]);
    loaded.store.db.exec("DELETE FROM calls");
    await load(loaded, [loaded.write("b.csv", csvOf([3]))]);
    await load(loaded, [loaded.write("a.csv", csvOf([1, 2]))]);
    assert.deepEqual(numbered(loaded), [[1, 1], [2, 2], [3, 3]]);
  }, schema));

Deno.test("row numbers: two processes that load the same file at once give each row one number", () =>
  withTables(async (loaded) => {
    const path = loaded.write("a.csv", csvOf(Array.from({ length: 20_000 }, (_, i) => i)));
    const other = openStore(join(loaded.folder, "data"), { mode: "write", freeBytesMin: 0 });
    try {
      const reports = await Promise.all(
        [loaded.store, other].map((store) => ingest(store, { files: { calls: [path] } })),
      );
      assert.equal(rowsOf(loaded.store, "calls").length, 20_000);
      assert.deepEqual(reports.map(({ tables }) => tables.calls.inserted).sort(), [0, 20_000]);
    } finally {
      other.close();
    }
  }, schema));

Deno.test("row numbers: a file that has the key keeps it, and later files go on after it", () =>
  withTables(async (loaded) => {
    await load(loaded, [loaded.write("keys.csv", "row_number,place,answered\n40,1,no\n41,2,yes\n")]);
    const { files } = await load(loaded, [loaded.write("a.csv", csvOf([3]))]);
    assert.deepEqual(numbered(loaded), [[40, 1], [41, 2], [42, 3]]);
    assert.equal(files[0].firstRowNumber, 42);
  }, schema));

Deno.test("row numbers: a key whose name differs only in case, or that is mapped, is not replaced by numbers", () =>
  withTables(async (loaded) => {
    const path = loaded.write("a.csv", "Row_Number,place,answered\n40,1,no\n");
    await assertRejected(
      load(loaded, [path]),
      "file-invalid",
      /no column "row_number".* It has "Row_Number"/,
    );
    const columnNames = { calls: { row_number: "number" } };
    await assertRejected(
      ingest(loaded.store, { files: { calls: [loaded.write("b.csv", csvOf([1]))] }, columnNames }),
      "file-invalid",
      /no column "number"/,
    );
  }, schema));

Deno.test("row numbers: only one INTEGER PRIMARY KEY without NOT NULL is numbered", async () => {
  const keys: readonly [key: string, isNumbered: boolean][] = [
    ["id INTEGER PRIMARY KEY", true],
    ["id INTEGER NOT NULL PRIMARY KEY", false],
    ["id INT PRIMARY KEY", false],
    ["id TEXT PRIMARY KEY", false],
    ["id INTEGER, other INTEGER, PRIMARY KEY (id, other)", false],
  ];
  for (const [key, isNumbered] of keys) {
    await withTables(
      ({ store }) => assert.equal(listTables(store.db)[0].isNumbered, isNumbered, key),
      `CREATE TABLE things (${key}) STRICT; CREATE VIEW examples AS SELECT * FROM things;`,
    );
  }
});

Deno.test("a table and columns may have the names that the program's own queries use", () =>
  withTables(
    async ({ store, write }) => {
      const path = (second: string) => write("a.csv", `id,place,absent,n\n1,5,6,7\n2,${second}\n`);
      await ingest(store, { files: { given: [path("1,2,3")] } });
      const { tables } = await ingest(store, { files: { given: [path("1,2,4")] }, onConflict: "keep" });
      assert.deepEqual([tables.given.unchanged, tables.given.kept], [1, 1]);
      await ingest(store, { files: { others: [write("b.csv", "key,id\n1,2\n2,3\n")] } });
    },
    `CREATE TABLE given (id INTEGER NOT NULL PRIMARY KEY, place INTEGER, absent INTEGER, n INTEGER) STRICT;
     CREATE TABLE others (key INTEGER NOT NULL PRIMARY KEY, id INTEGER) STRICT;
     CREATE VIEW examples AS SELECT * FROM given;`,
  ));

Deno.test("a row of two thousand columns is compared with the stored one", () => {
  const names = Array.from({ length: 1_990 }, (_, i) => `c${i}`);
  return withTables(
    async ({ store, write }) => {
      const line = (last: number) => [1, ...names.map((_, i) => i === names.length - 1 ? last : i)].join(",");
      for (const [last, unchanged] of [[5, 0], [5, 1]]) {
        const path = write(
          "wide.csv",
          `${["id", ...names].join(",")}\n${line(last)}\n${"\n".repeat(unchanged)}`,
        );
        const { tables } = await ingest(store, { files: { wide: [path] } });
        assert.equal(tables.wide.unchanged, unchanged);
      }
    },
    `CREATE TABLE wide (id INTEGER NOT NULL PRIMARY KEY, ${names.join(" INTEGER, ")} INTEGER) STRICT;
     CREATE VIEW examples AS SELECT * FROM wide;`,
  );
});

Deno.test("a column is a time if its comment has the unit, whatever its name", () =>
  withTables(
    async ({ store, write }) => {
      const times = listTables(store.db)[0].columns.filter(({ isTime }) => isTime).map(({ name }) => name);
      assert.deepEqual(times, ["Tag der Bestellung", "seen_at"]);
      const path = write(
        "a.csv",
        "id,Tag der Bestellung,seen_at,count\n1,2024-01-31,2024-01-31T12:00:00Z,20240131\n",
      );
      await ingest(store, { files: { things: [path] } });
      assert.deepEqual(Object.values(rowsOf(store, "things")[0]), [
        1,
        1706659200000000,
        1706702400000000,
        20240131,
      ]);
    },
    `CREATE TABLE things (
      id INTEGER NOT NULL PRIMARY KEY,
      "Tag der Bestellung" INTEGER,          -- when, microseconds since 1970-01-01T00:00:00Z
      seen_at INTEGER,
      count INTEGER                          -- how many
    ) STRICT;
    CREATE VIEW examples AS SELECT * FROM things;`,
  ));

Deno.test("row numbers: ingest reports them, and a training reads rows by them", () =>
  inFolder(async (folder) => {
    const write = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);
    write("calls.sql", schema);
    write("calls.csv", csvOf(Array.from({ length: 600 }, (_, i) => i)));
    write(
      "calls.json",
      JSON.stringify({
        id: "row_number",
        group: "row_number",
        label: "clicked",
        features: [{ name: "place", type: "numeric" }],
      }),
    );
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const files = ["--table", `calls=${join(folder, "calls.csv")}`];
    const loaded = await run(["ingest", ...data, "--schema", join(folder, "calls.sql"), ...files]);
    assert.equal(loaded.code, 0, loaded.stderr);
    assert.match(loaded.stderr, /the rows have no key: they are numbered from 1 to 600/);
    const models = [];
    for (const threads of ["1", "2"]) {
      const { code, stdout, stderr } = await run([
        ...["train", ...data, ...files, "--spec", join(folder, "calls.json"), "--json", "--threads", threads],
      ]);
      assert.equal(code, 0, stderr);
      models.push(JSON.parse(stdout).model_id);
    }
    assert.equal(models[0], models[1]);
  }));
