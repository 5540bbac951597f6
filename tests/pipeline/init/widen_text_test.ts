import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  isWrittenByInit,
  widenedColumns,
  widenSchemaText,
  widenSpecText,
} from "../../../pipeline/init/widen_text.ts";
import type { ColumnType } from "../../../pipeline/store/table.ts";

const schema = `-- Written by clickwell init. Edit it.

-- a.csv
CREATE TABLE "die Mails" (
  row_number INTEGER PRIMARY KEY,  -- the number of the row
  "price (""€"")" INTEGER,         -- 1 to 7
  hour INTEGER,                    -- a REAL hour
  note REAL                        -- 0.5 to 1
) STRICT;

-- b.csv
CREATE TABLE others (
  hour INTEGER PRIMARY KEY  -- the key
) STRICT;

CREATE VIEW examples AS
SELECT
  "die Mails".row_number,
  "die Mails"."price (""€"")" AS "price [ € ]",
  "die Mails".hour,
  "die Mails".note + 0 AS noted
FROM "die Mails";
`;

function typesOf(columns: Readonly<Record<string, ColumnType>>) {
  return new Map([["die Mails", new Map(Object.entries(columns))]]);
}

Deno.test("widening a schema's text: the types of the table's columns change, and the comments stay in line", () => {
  const types = typesOf({ 'price ("€")': "TEXT", hour: "REAL", note: "REAL" });
  const widened = widenSchemaText(schema, types);
  assert.equal(
    widened,
    schema.replace('€"")" INTEGER,         --', '€"")" TEXT,            --')
      .replace("hour INTEGER,                    --", "hour REAL,                       --"),
  );
  assert.equal(widenSchemaText(widened, types), widened);
  const db = new DatabaseSync(":memory:");
  db.exec(widened);
  assert.deepEqual(widenedColumns(db, "examples", types), {
    all: new Set(["price [ € ]", "hour"]),
    texts: new Set(["price [ € ]"]),
  });
  db.close();
  assert.deepEqual([schema, "-- My own.\n"].map(isWrittenByInit), [true, false]);
});

const spec = `{
  "view": "examples",
  "id": "row_number",
  "label": "opened [ ]",
  "group": "row_number",
  "features": [
    { "name": "price [ € ]", "type": "numeric", "transform": "log1p" },
    { "name": "size", "type": "ordinal", "levels": ["small", "large"] },
    { "name": "sent", "type": "time", "parts": ["age"], "since": "born" }
  ],
  "leftOut": [
    { "column": "hour", "why": "it is constant", "feature": { "name": "hour", "type": "numeric" } }
  ]
}
`;

Deno.test("widening a spec's text: features of columns that become TEXT are categories; nothing else changes", () => {
  const widen = (texts: readonly string[], all = texts) =>
    widenSpecText(spec, { all: new Set(all), texts: new Set(texts) });
  assert.equal(widen([], ["price [ € ]"]), spec);
  assert.equal(
    widen(["price [ € ]", "hour", "born"]),
    spec.replace('"numeric", "transform": "log1p"', '"categorical", "minCount": 2')
      .replace('"type": "numeric" }', '"type": "categorical", "minCount": 2 }').replace(
        ', "since": "born"',
        "",
      ),
  );
  assert.equal(widen([], ["opened [ ]"]), undefined);
});
