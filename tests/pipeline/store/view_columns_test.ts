import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { viewColumnsOf } from "../../../pipeline/store/view/view_columns.ts";
import { parentJoinOf } from "../../../pipeline/store/view/view_shape.ts";
import { listTables } from "../../../pipeline/store/table.ts";

const tables = `
  CREATE TABLE leads (lead_uuid TEXT NOT NULL PRIMARY KEY, credit TEXT) STRICT;
  CREATE TABLE offers (offer_id INTEGER NOT NULL PRIMARY KEY, lead_uuid TEXT NOT NULL, apr REAL) STRICT;
  CREATE TABLE "the clicks" ("offer.id" INTEGER NOT NULL PRIMARY KEY) STRICT;
  CREATE TABLE clicks (offer_id INTEGER NOT NULL PRIMARY KEY) STRICT;
`;

/** Returns what the columns of a view are recognised as. */
function columnsOf(
  list: string,
  from = "offers JOIN leads ON leads.lead_uuid = offers.lead_uuid",
): Record<string, string> {
  const db = new DatabaseSync(":memory:");
  try {
    db.exec(`${tables} CREATE VIEW examples AS
      SELECT ${list} FROM ${from}`);
    const join = parentJoinOf(db, "examples", listTables(db));
    if (!join) return {};
    return Object.fromEntries(
      [...viewColumnsOf(db, "examples", join)].map(([name, column]) => [
        name,
        column.is === "column"
          ? `${column.table}.${column.column}`
          : `in ${column.table}.${column.column} by ${column.childColumn}`,
      ]),
    );
  } finally {
    db.close();
  }
}

const clicked = "EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS clicked";

const recognised: readonly [list: string, columns: Record<string, string>][] = [
  ["offers.apr, leads.credit", { apr: "offers.apr", credit: "leads.credit" }],
  ["Offers.APR AS rate -- of the offer, FROM it\n, leads.credit", {
    rate: "offers.apr",
    credit: "leads.credit",
  }],
  [
    `"offers"."apr" AS "Preis, in € (FROM)", [leads].credit AS \`a"b\`,
      EXISTS (SELECT 1 FROM "the clicks" WHERE "the clicks"."offer.id" = offers.offer_id) AS "clicked?"`,
    {
      "Preis, in € (FROM)": "offers.apr",
      'a"b': "leads.credit",
      "clicked?": "in the clicks.offer.id by offer_id",
    },
  ],
  [`offers.offer_id, ${clicked}`, { offer_id: "offers.offer_id", clicked: "in clicks.offer_id by offer_id" }],
  ["exists(select 1 from clicks where offers.offer_id = clicks.offer_id) as clicked, offers.apr", {
    clicked: "in clicks.offer_id by offer_id",
    apr: "offers.apr",
  }],
];

for (const [list, columns] of recognised) {
  Deno.test(`view columns: ${list.replaceAll("\n", " ")}`, () => assert.deepEqual(columnsOf(list), columns));
}

const others: readonly string[] = [
  "apr",
  "offers.apr + 1 AS apr",
  "coalesce(offers.apr, 0) AS apr",
  "EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id AND offers.apr > 1) AS clicked",
  "EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id > offers.offer_id) AS clicked",
  "NOT EXISTS (SELECT 1 FROM clicks WHERE clicks.offer_id = offers.offer_id) AS unclicked",
  "CAST(offers.apr AS TEXT) AS apr",
  "'offers.apr' AS apr",
];

for (const list of others) {
  Deno.test(`view columns: ${list} is not recognised`, () => assert.deepEqual(columnsOf(list), {}));
}

Deno.test("view columns: in a view of one table, columns need no table, and * stands for all of them", () => {
  const own = { offer_id: "offers.offer_id", lead_uuid: "offers.lead_uuid", apr: "offers.apr" };
  assert.deepEqual(columnsOf("*", "offers"), own);
  assert.deepEqual(columnsOf("Offers.*", "offers"), own);
  assert.deepEqual(columnsOf(`"APR" AS rate, lead_uuid, offers.offer_id, ${clicked}`, "offers"), {
    rate: "offers.apr",
    lead_uuid: "offers.lead_uuid",
    offer_id: "offers.offer_id",
    clicked: "in clicks.offer_id by offer_id",
  });
  assert.deepEqual(columnsOf(`*, ${clicked}`, "offers"), {
    ...own,
    clicked: "in clicks.offer_id by offer_id",
  });
  for (const list of ["current_date AS apr", "NULL AS apr", "'apr'", "apr + 1 AS apr", "rowid", "1"]) {
    assert.deepEqual(columnsOf(list, "offers"), {}, list);
  }
});

Deno.test("view columns: * is not recognised in a join, nor of a table with a generated column", () => {
  assert.deepEqual(columnsOf("*"), {});
  assert.deepEqual(columnsOf("apr"), {});
  const db = new DatabaseSync(":memory:");
  db.exec(`
    CREATE TABLE offers (offer_id INTEGER NOT NULL PRIMARY KEY, apr REAL, twice REAL AS (2 * apr)) STRICT;
    CREATE VIEW examples AS SELECT * FROM offers;
  `);
  const join = parentJoinOf(db, "examples", listTables(db));
  assert.deepEqual(join ? [...viewColumnsOf(db, "examples", join)] : [], []);
  db.close();
});
