import assert from "node:assert/strict";
import fc from "fast-check";
import { levelOf, tableLevelOf, type ValueType } from "../../../pipeline/examples/level.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { inFolder } from "../../support/program.ts";
import { openStore } from "../../../pipeline/store/store.ts";

const schema = `
CREATE TABLE shown (id INTEGER NOT NULL PRIMARY KEY, integer INTEGER, real REAL, text TEXT) STRICT;
CREATE VIEW examples AS SELECT * FROM shown;
`;
const types: readonly ValueType[] = ["integer", "real", "text"];

const seed = 20261130;
const words = [
  ...[
    "true",
    "True",
    "TRUE",
    "fAlse",
    "NaN",
    "nan",
    "NA",
    "",
    "  ",
    "\t1",
    "1\t",
    "0x1",
    "1_0",
    "1e5",
    "1E5",
    "-0",
  ],
  ...["+0", "-0.0", "0.1", "00.10", ".5", "5.", "١", "1,5", "1 000", "Infinity", "-inf", "1e400", "1e-400"],
  ...["9007199254740990.5", "9007199254740991", "9007199254740991.4", "9007199254740992", "9007199254740993"],
  ...["9007199254740993e0", "90071992547409930e-1", "9223372036854775807", "9223372036854775808", "1e18"],
];
const digits = fc.string({ unit: fc.constantFrom(..."012459.eE-+ aN"), minLength: 1, maxLength: 7 });
const integers = fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n });
const texts = [
  ...new Set([
    ...words,
    ...fc.sample(digits, { seed, numRuns: 600 }),
    ...fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String), { seed, numRuns: 100 }),
    ...fc.sample(integers, { seed, numRuns: 100 }).flatMap((value) => [`${value}`, `${value}.0`]),
  ]),
];

Deno.test("level: a text in CSV has the level of the value that an ingest stores, for each column type", () =>
  inFolder(async (folder) => {
    const rows = texts.flatMap((text, k) =>
      types.map((type, t) => `${3 * k + t},${types.map((other) => other === type ? `"${text}"` : "")}`)
    );
    Deno.writeTextFileSync(`${folder}/shown.csv`, ["id,integer,real,text", ...rows, ""].join("\n"));
    const store = openStore(`${folder}/data`, { mode: "create", schema, freeBytesMin: 0 });
    try {
      const options = { files: { shown: [`${folder}/shown.csv`] }, rejectsPath: `${folder}/rejects.ndjson` };
      const { tables } = await ingest(store, options);
      assert.equal(tables.shown.read, rows.length);
      const statement = store.db.prepare("SELECT * FROM shown");
      statement.setReadBigInts(true);
      const stored = new Map(statement.all().map((row) => [Number(row.id), row]));
      let agreed = 0;
      texts.forEach((text, k) =>
        types.forEach((type, t) => {
          // A rejected text is no level that a stored row can have: any name for it is unseen.
          const row = stored.get(3 * k + t);
          if (!row) return;
          const value = row[type];
          assert(
            value === null || typeof value === "string" || typeof value === "number" ||
              typeof value === "bigint",
          );
          const isExact = typeof value === "bigint" && Number.isSafeInteger(Number(value));
          const level = value === null ? null : tableLevelOf(isExact ? Number(value) : value);
          assert.equal(text === "" ? null : levelOf(type, text), level, `${type} ${JSON.stringify(text)}`);
          agreed++;
        })
      );
      assert.equal(agreed, tables.shown.inserted);
      assert(agreed > texts.length);
    } finally {
      store.close();
    }
  }));
