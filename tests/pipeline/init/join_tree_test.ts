import assert from "node:assert/strict";
import { joinTreeOf } from "../../../pipeline/init/join_tree.ts";
import { labelTableOf, proposeLabelTables } from "../../../pipeline/init/label_table.ts";
import type { Reference } from "../../../pipeline/init/references.ts";

/** Returns the reference that `table.column → parent.key` describes. */
function referenceOf(text: string, changes: Partial<Reference> = {}): Reference {
  const [from, to] = text.split(" → ");
  const [table, column] = from.split(".");
  const [parent, key] = to.split(".");
  const base = { valueCount: 100, foundCount: 100, nullShare: 0, isOneToOne: false, strength: 3, why: "" };
  return { table, column, parent, key, ...base, ...changes };
}

const loans = [
  referenceOf("clicks.offer_id → offers.offer_id"),
  referenceOf("offers.lead_uuid → leads.lead_uuid"),
];
const loanRows = new Map([["leads", 90], ["offers", 400], ["clicks", 120]]);

function shown(tree: ReturnType<typeof joinTreeOf>): string[] {
  return tree.joins.map(({ table, alias, key, from, column, isOuter }) =>
    `${isOuter ? "LEFT " : ""}JOIN ${table} AS ${alias} ON ${alias}.${key} = ${from}.${column}`
  );
}

Deno.test("joins: examples are joined to their parents, and to the parents of these", () => {
  const tree = joinTreeOf("offers", ["leads", "offers", "regions"], [
    ...loans,
    referenceOf("leads.region → regions.code", { nullShare: 0.1 }),
  ]);
  assert.deepEqual(shown(tree), [
    "JOIN leads AS leads ON leads.lead_uuid = offers.lead_uuid",
    "LEFT JOIN regions AS regions ON regions.code = leads.region",
  ]);
  assert.deepEqual(tree.unconnected, []);
});

Deno.test("joins: a table with several rows for an example is not joined", () => {
  const tree = joinTreeOf("leads", ["leads", "offers", "clicks", "weather"], loans);
  assert.deepEqual(shown(tree), []);
  assert.deepEqual(tree.children.map(({ table, parent }) => `${table} → ${parent}`), [
    "offers → leads",
    "clicks → offers",
  ]);
  assert.deepEqual(tree.unconnected, ["weather"]);
});

Deno.test("joins: rows without a parent stay examples if there are many, and are orphans if there are few", () => {
  const joinWith = (changes: Partial<Reference>) =>
    shown(joinTreeOf("offers", ["offers", "leads"], [referenceOf("offers.lead → leads.id", changes)]))[0];
  assert.match(joinWith({ foundCount: 97 }), /^JOIN/);
  assert.match(joinWith({ foundCount: 90 }), /^LEFT JOIN/);
  assert.match(joinWith({ nullShare: 0.001 }), /^LEFT JOIN/);
});

Deno.test("joins: a table to which two columns refer is joined twice", () => {
  const tree = joinTreeOf("flights", ["flights", "airports"], [
    referenceOf("flights.origin → airports.code"),
    referenceOf("flights.target → airports.code"),
  ]);
  assert.deepEqual(shown(tree), [
    "JOIN airports AS airports_origin ON airports_origin.code = flights.origin",
    "JOIN airports AS airports_target ON airports_target.code = flights.target",
  ]);
});

Deno.test("labels: a table to which no other refers, and whose keys are a part of another's, is proposed", () => {
  const part = [{ ...loans[0] }, loans[1]];
  assert.deepEqual(
    proposeLabelTables(part, loanRows).map((
      { table, column, examples, key },
    ) => [table, column, examples, key]),
    [["clicks", "offer_id", "offers", "offer_id"]],
  );
  const all = new Map([...loanRows, ["offers", 100]]);
  assert.deepEqual(proposeLabelTables(part, all), [], "each offer has a click");
});

Deno.test("labels: of several such tables, those whose names are outcomes are proposed", () => {
  const references = [...loans, referenceOf("views.offer_id → offers.offer_id")];
  assert.deepEqual(proposeLabelTables(references, loanRows).map(({ table }) => table), ["clicks"]);
  const [a, b] = [referenceOf("a.offer_id → offers.offer_id"), referenceOf("b.offer_id → offers.offer_id")];
  assert.deepEqual(proposeLabelTables([a, b], loanRows).map(({ table }) => table), ["a", "b"]);
});

Deno.test("labels: clicks that refer to an offer and to its lead are clicks on the offer", () => {
  const references = [referenceOf("clicks.lead_uuid → leads.lead_uuid"), ...loans];
  assert.equal(labelTableOf("clicks", references, loanRows)?.examples, "offers");
  assert.equal(labelTableOf("leads", references, loanRows), undefined);
});
