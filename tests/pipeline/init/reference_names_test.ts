import assert from "node:assert/strict";
import { wordsOf } from "../../../pipeline/init/names.ts";
import { createNameComparison, isGenericKey } from "../../../pipeline/init/reference_names.ts";

Deno.test("names are split into words, however they are written", () => {
  for (const name of ["lead_uuid", "Lead-UUID", "leadUUID", "LeadUuid", "LEAD UUID"]) {
    assert.deepEqual(wordsOf(name), ["lead", "uuid"], name);
  }
  assert.deepEqual(wordsOf("Straße_Nr."), ["straße", "nr"]);
});

const strengths: readonly [own: string, key: string, strength: number][] = [
  ["offers.lead_uuid", "leads.lead_uuid", 3],
  ["orders.customerId", "customers.customer_id", 3],
  ["orders.customer_id", "customers.id", 2],
  ["orders.customer", "customers.id", 2],
  ["orders.customer", "crm_customers.customer_no", 2],
  ["bestellungen.kunde_nr", "kunden.nr", 2],
  ["rows.category", "categories.code", 2],
  ["visits.lead_id", "people.lead_uuid", 2],
  ["orders.billing_customer_id", "customers.id", 1],
  ["flights.origin_airport", "airports.airport_code", 1],
  ["orders.id", "customers.id", 0],
  ["orders.amount", "customers.id", 0],
  ["orders.customer_age", "customers.id", 0],
  ["orders.age", "customers.customer_id", 0],
];

for (const [own, key, strength] of strengths) {
  Deno.test(`names: ${own} ${strength > 0 ? `refers to ${key} with strength ${strength}` : `does not refer to ${key}`}`, () => {
    const [table, column] = own.split(".");
    const [keyTable, keyColumn] = key.split(".");
    const found = createNameComparison()({ table, column }, { table: keyTable, column: keyColumn });
    assert.equal(found?.strength ?? 0, strength);
  });
}

Deno.test("names that identify nothing in particular are generic", () => {
  assert.deepEqual(["id", "ID", "Nr.", "key_id", "lead_id"].filter(isGenericKey), [
    "id",
    "ID",
    "Nr.",
    "key_id",
  ]);
});
