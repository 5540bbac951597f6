import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { listTables } from "../../../pipeline/store/table.ts";
import { parentJoinOf } from "../../../pipeline/store/view/view_shape.ts";

const tables = `
  CREATE TABLE leads (lead_uuid TEXT NOT NULL PRIMARY KEY, credit TEXT) STRICT;
  CREATE TABLE lenders (lender_id INTEGER NOT NULL PRIMARY KEY, name TEXT) STRICT;
  CREATE TABLE offers (offer_id INTEGER NOT NULL PRIMARY KEY, lead_uuid TEXT NOT NULL, lender_id INTEGER, other TEXT) STRICT;
  CREATE TABLE "größe -- FROM x" ("a b" INTEGER NOT NULL PRIMARY KEY, "who ""is"" it" TEXT NOT NULL) STRICT;
  CREATE TABLE "GRÖSSE" (lead_uuid TEXT NOT NULL PRIMARY KEY) STRICT;
  CREATE TABLE "grösse" (id INTEGER NOT NULL PRIMARY KEY, lead_uuid TEXT NOT NULL) STRICT;
`;

/** Returns what the view is recognised as: the child, and the columns that refer to its parents. */
function shapeOf(select: string): string | undefined {
  const db = new DatabaseSync(":memory:");
  try {
    db.exec(`${tables} CREATE VIEW examples AS ${select}`);
    const shape = parentJoinOf(db, "examples", listTables(db));
    return shape &&
      [shape.child.name, ...shape.parents.map(({ column, parent }) => `${column}→${parent.name}`)].join(" ");
  } finally {
    db.close();
  }
}

const join = "JOIN leads ON leads.lead_uuid = offers.lead_uuid";

const recognised: readonly [select: string, shape: string][] = [
  ["SELECT * FROM offers", "offers"],
  [`SELECT * FROM offers ${join}`, "offers lead_uuid→leads"],
  [
    "SELECT offer_id FROM offers INNER JOIN leads ON offers.lead_uuid = leads.lead_uuid",
    "offers lead_uuid→leads",
  ],
  [
    `select Offers.offer_id,\n -- a comment, FROM nowhere\n 'it''s FROM here' AS text /* or ( here */ from Offers ${join}`,
    "offers lead_uuid→leads",
  ],
  [
    `SELECT EXISTS (SELECT 1 FROM lenders WHERE name = 'x)') AS clicked, (SELECT max(name) FROM lenders) AS top FROM offers ${join}`,
    "offers lead_uuid→leads",
  ],
  [
    'SELECT "offers".`offer_id` FROM "OFFERS" JOIN [leads] ON "leads"."lead_uuid" = offers."LEAD_UUID"',
    "offers lead_uuid→leads",
  ],
  [
    'SELECT ("größe -- FROM x"."a b" > 1) AS "n (" FROM "größe -- FROM x" JOIN leads ON leads.lead_uuid = "größe -- FROM x"."who ""is"" it"',
    'größe -- FROM x who "is" it→leads',
  ],
  [
    `SELECT CASE WHEN (offer_id > 1) THEN (1) ELSE (0) END AS clicked FROM offers ${join}`,
    "offers lead_uuid→leads",
  ],
];

for (const [select, shape] of recognised) {
  Deno.test(`view: ${select.replaceAll("\n", " ")} has one row for each child row with parents`, () =>
    assert.equal(shapeOf(select), shape));
}

const others: readonly string[] = [
  `SELECT "count"(*) AS n FROM offers ${join}`,
  `SELECT (count(*)) AS n FROM offers ${join}`,
  // SQLite ignores the case of A to Z only.
  'SELECT * FROM "Grösse" JOIN "GRÖSSE" ON "GRÖSSE".lead_uuid = "GRÖsse".lead_uuid',
  "SELECT * FROM offers LEFT JOIN leads ON leads.lead_uuid = offers.lead_uuid",
  "SELECT * FROM offers CROSS JOIN leads",
  "SELECT * FROM offers, leads",
  "SELECT * FROM offers JOIN leads USING (lead_uuid)",
  `SELECT * FROM offers ${join} WHERE credit = 'good'`,
  `SELECT * FROM offers ${join} AND credit = 'good'`,
  `SELECT * FROM offers ${join} GROUP BY offers.lead_uuid`,
  `SELECT * FROM offers ${join} LIMIT 5`,
  `SELECT DISTINCT credit FROM offers ${join}`,
  `SELECT count(*) AS n FROM offers ${join}`,
  `SELECT max (offer_id) AS n FROM offers ${join}`,
  `SELECT offer_id, row_number() OVER () AS n FROM offers ${join}`,
  `SELECT offer_id FROM offers UNION ALL SELECT 1 FROM offers`,
  "SELECT * FROM offers JOIN leads ON leads.credit = offers.lead_uuid",
  "SELECT * FROM offers JOIN lenders ON lenders.lender_id = offers.lender_id",
  "SELECT * FROM offers JOIN leads ON leads.lead_uuid = leads.lead_uuid",
  "SELECT * FROM offers AS o JOIN leads ON leads.lead_uuid = o.lead_uuid",
  "SELECT * FROM (SELECT * FROM offers)",
  "WITH o AS (SELECT * FROM offers) SELECT * FROM o",
];

for (const select of others) {
  Deno.test(`view: ${select} has to be counted`, () => assert.equal(shapeOf(select), undefined));
}
