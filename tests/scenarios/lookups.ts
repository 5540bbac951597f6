import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { tablesFileName } from "../../pipeline/store/layout.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

const path = "/predict";
const ofLeadB = { requested: 9000, loan_purpose: null, credit: "fair", annual_income: null };

export const lookups: readonly Scenario[] = [
  {
    name: "an id of the store is completed with its fields",
    path,
    body: { offer_id: 1 },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), model_id: first.id, version: 1 }),
  },
  {
    name: "an id has the same value in every spelling",
    path,
    body: { offer_id: "1" },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first) }),
  },
  {
    name: "an id beyond 2^53 is exact as a string",
    path,
    body: { offer_id: "9007199254740993" },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first, { ...ofLeadB, apr: 12, lender_id: 7 }) }),
  },
  {
    name: "sent fields take precedence over stored ones, null included",
    path,
    body: { offer_id: 2, apr: 11.5, lender_id: 12, annual_income: null },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first, { ...row, annual_income: null }) }),
  },
  {
    name: "a stored category that the model does not know is listed as unseen",
    path,
    body: { offer_id: 4 },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, { ...ofLeadB, apr: 30, lender_id: 99 }),
      unseen: ["lender_id"],
    }),
  },
  {
    name: "a lead's fields come from the store, the offer's are sent",
    path,
    body: { lead_uuid: "lead-a", apr: 11.5, lender_id: 12 },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first) }),
  },
  {
    name: "a lead without offers is found",
    path,
    body: { lead_uuid: "lead-c", apr: 11.5, lender_id: 12 },
    status: 200,
    answer: ({ first }) => ({
      probability: probabilityOf(first, {
        requested: 1000,
        loan_purpose: "other",
        credit: "good",
        annual_income: 20_000,
        apr: 11.5,
        lender_id: 12,
      }),
    }),
  },
  {
    name: "with only a lead, the offer's fields are missing",
    path,
    body: { lead_uuid: "lead-a" },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr", "#/lender_id"],
  },
  {
    name: "an offer is found by its id and its lead",
    path,
    body: { offer_id: 1, lead_uuid: "lead-a" },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first) }),
  },
  {
    name: "an offer of another lead is unknown",
    path,
    body: { offer_id: 1, lead_uuid: "lead-b" },
    status: 404,
    problem: "row-unknown",
  },
  {
    name: "an id that the store does not have is unknown",
    path,
    body: { offer_id: 77 },
    status: 404,
    problem: "row-unknown",
  },
  {
    name: "a lead that the store does not have is unknown",
    path,
    body: { lead_uuid: "nobody", apr: 1, lender_id: 1 },
    status: 404,
    problem: "row-unknown",
  },
  {
    name: "a stored value that the model does not accept is reported with a pointer",
    path,
    body: { offer_id: 5 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "an invalid id is reported with a pointer",
    path,
    body: { offer_id: [1] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/offer_id"],
  },
  {
    name: "an unknown field is reported with a pointer, with a key too",
    path,
    body: { offer_id: 1, colour: "blue" },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/colour"],
  },
  {
    name: "a null id is not a key",
    path,
    body: { offer_id: null },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/requested", "#/annual_income", "#/apr", "#/loan_purpose", "#/credit", "#/lender_id"],
  },
  {
    name: "a row with all fields may have keys, and needs no store",
    path,
    body: { ...row, offer_id: 77, lead_uuid: "nobody" },
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first) }),
  },
  {
    name: "without a store, an id cannot be looked up",
    path,
    body: { offer_id: 1 },
    given: ({ dataDir }) => Deno.removeSync(dataDir, { recursive: true }),
    status: 503,
    problem: "store-missing",
  },
  {
    name: "a store that another process has locked is busy",
    path,
    body: { offer_id: 1 },
    given: keepStoreLocked,
    status: 503,
    problem: "store-busy",
    responseHeaders: { "retry-after": "1" },
  },
  {
    name: "a store whose view lacks the model's columns cannot be used",
    path,
    body: { offer_id: 1 },
    given: (context) =>
      changeStore(context, "DROP VIEW examples; CREATE VIEW examples AS SELECT * FROM offers"),
    status: 503,
    problem: "store-invalid",
  },
  {
    name: "a row for which the view fails is a problem, not a missing value",
    path,
    body: { offer_id: 1 },
    given: (context) => changeStore(context, failingView),
    status: 409,
    problem: "examples-invalid",
  },
  {
    name: "other rows of such a view are found",
    path,
    body: { offer_id: 2, apr: 11.5, lender_id: 12, annual_income: null },
    given: (context) => changeStore(context, failingView),
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first, { ...row, annual_income: null }) }),
  },
  {
    name: "a large view without an index on the id is not searched",
    path,
    body: { offer_id: 1 },
    given: (context) => changeStore(context, unindexedView),
    status: 503,
    problem: "lookup-unindexed",
  },
  {
    name: "for a view with other joins, a group's fields are those that all its rows share",
    path,
    body: { lead_uuid: "lead-a", apr: 11.5, lender_id: 12 },
    given: (context) => changeStore(context, otherView),
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first) }),
  },
  {
    name: "an id is explained like its fields",
    path: `${path}?explain=true`,
    body: { offer_id: 1 },
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), model_id: first.id }),
  },
];

/** Enough rows to be slow to search; the id is an expression, and so has no index. */
const unindexedView = `
  INSERT INTO offers (offer_id, lead_uuid)
    SELECT 100 + value, 'lead-a' FROM (
      WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 60000)
      SELECT value FROM numbers
    );
  DROP VIEW examples;
  CREATE VIEW examples AS SELECT offer_id + 0 AS offer_id, leads.*, apr, lender_id
    FROM offers JOIN leads USING (lead_uuid);
`;

/** An expression that SQLite cannot compute for the first offer. */
const failingView = `
  DROP VIEW examples;
  CREATE VIEW examples AS SELECT offer_id, offers.lead_uuid, requested, loan_purpose, credit, annual_income, lender_id,
    iif(offer_id = 1, json_extract('{', '$.apr'), apr) AS apr
    FROM offers JOIN leads ON leads.lead_uuid = offers.lead_uuid;
`;

const otherView = `
  DROP VIEW examples;
  CREATE VIEW examples AS SELECT offers.*, requested, loan_purpose, credit, annual_income
    FROM offers LEFT JOIN leads USING (lead_uuid);
`;

function changeStore({ dataDir }: ScenarioContext, sql: string): void {
  const db = new DatabaseSync(join(dataDir, tablesFileName));
  db.exec(sql);
  db.close();
}

function keepStoreLocked({ dataDir, dispose }: ScenarioContext): void {
  const db = new DatabaseSync(join(dataDir, tablesFileName));
  db.exec(
    "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE kept (id INTEGER); COMMIT; BEGIN EXCLUSIVE",
  );
  dispose.push(() => db.close());
}
