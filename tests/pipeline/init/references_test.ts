import assert from "node:assert/strict";
import type { KeyTable } from "../../../pipeline/init/key_table.ts";
import { findReferences, type NamedJoin } from "../../../pipeline/init/references.ts";
import { keyTableOf, searchIn, upTo } from "../../support/key_tables.ts";

const noSearch = () => Promise.reject(new Error("all keys were looked at"));

async function found(tables: readonly KeyTable[], named: readonly NamedJoin[] = []): Promise<string[]> {
  const { references } = await findReferences({ tables, named, searchKeys: noSearch });
  return references.map(({ table, column, parent, key }) => `${table}.${column} → ${parent}.${key}`).sort();
}

const uuids = upTo(40).map((i) => `a${i}-uuid`);
const leads = keyTableOf("leads", { lead_uuid: uuids, credit: uuids.map((_, i) => ["good", "bad"][i % 2]) });
const offers = keyTableOf("offers", {
  offer_id: upTo(120).map((i) => 500_000 + i),
  lead_uuid: upTo(120).map((i) => uuids[i % 39]),
  lender_id: upTo(120).map((i) => i % 7),
});
const clicks = keyTableOf("clicks", { offer_id: upTo(90).map((i) => 500_001 + i % 50) });

Deno.test("references: the tables of loan offers are joined from many rows to one", async () => {
  assert.deepEqual(await found([leads, offers, clicks]), [
    "clicks.offer_id → offers.offer_id",
    "offers.lead_uuid → leads.lead_uuid",
  ]);
});

Deno.test("references: a column that is named for a table refers to its id", async () => {
  const customers = keyTableOf("customers", { id: upTo(50), name: upTo(50).map((i) => `n${i}`) });
  const orders = keyTableOf("orders", {
    id: upTo(200),
    customer_id: upTo(200).map((i) => 1 + i % 50),
    quantity: upTo(200).map((i) => 1 + i % 9),
  });
  assert.deepEqual(await found([customers, orders]), ["orders.customer_id → customers.id"]);
});

Deno.test("references: two columns that are named for one table both refer to it", async () => {
  const airports = keyTableOf("airports", { code: upTo(30).map((i) => `A${i}`) });
  const flights = keyTableOf("flights", {
    origin_airport: upTo(90).map((i) => `A${1 + i % 30}`),
    target_airport: upTo(90).map((i) => `A${1 + (i * 7) % 30}`),
  });
  assert.deepEqual(await found([airports, flights]), [
    "flights.origin_airport → airports.code",
    "flights.target_airport → airports.code",
  ]);
});

Deno.test("references: values agree without names, but not those of counters, and not a few levels", async () => {
  const stock = keyTableOf("stock", { sku: upTo(30).map((i) => `SKU-${i}`), place: upTo(30) });
  const sold = keyTableOf("sold", {
    what: upTo(90).map((i) => `SKU-${1 + i % 30}`),
    amount: upTo(90).map((i) => 1 + i % 25),
    half: upTo(90).map((i) => `SKU-${1 + i % 61}`),
    few: upTo(90).map((i) => `SKU-${1 + i % 3}`),
  });
  assert.deepEqual(await found([stock, sold]), ["sold.what → stock.sku"]);
});

Deno.test("references: keys of the same common name join tables of as many rows, unless another column joins them", async () => {
  const people = keyTableOf("people", { id: upTo(50), city: upTo(50).map((i) => `c${i % 5}`) });
  const scores = keyTableOf("scores", { id: upTo(50) });
  assert.deepEqual(await found([people, scores]), ["people.id → scores.id", "scores.id → people.id"]);
  const pets = keyTableOf("pets", { id: upTo(50), person_id: upTo(50).map((i) => 1 + i % 20), x: upTo(50) });
  const persons = keyTableOf("persons", { id: upTo(50), age: upTo(50).map((i) => i % 9) });
  assert.deepEqual(await found([persons, pets]), ["pets.person_id → persons.id"]);
});

Deno.test("references: numbers as text and numbers are the same keys", async () => {
  const customers = keyTableOf("customers", { id: upTo(50) });
  const orders = keyTableOf("orders", { customer_id: upTo(200).map((i) => String(1 + i % 50)) });
  assert.deepEqual(await found([customers, orders]), ["orders.customer_id → customers.id"]);
});

Deno.test("references: a key with a NULL or with a value twice is no key, which the near misses say", async () => {
  for (const ids of [[...upTo(20), 20], [...upTo(20), null]]) {
    const customers = keyTableOf("customers", { customer_id: ids });
    const orders = keyTableOf("orders", { customer_id: upTo(60).map((i) => 1 + i % 20) });
    const { references, nearMisses } = await findReferences({
      tables: [customers, orders],
      searchKeys: noSearch,
    });
    assert.deepEqual(references, []);
    assert.match(nearMisses[0].text, /customers\.customer_id and orders\.customer_id .* multiply rows/);
  }
});

Deno.test("references: names without values are a near miss", async () => {
  const customers = keyTableOf("customers", { id: upTo(50) });
  const orders = keyTableOf("orders", { customer_id: upTo(200).map((i) => 40 + i % 100) });
  const { references, nearMisses } = await findReferences({
    tables: [customers, orders],
    searchKeys: noSearch,
  });
  assert.deepEqual(references, []);
  assert.deepEqual(nearMisses.map(({ text }) => text), [
    "orders.customer_id is named for customers, but only 11 of its 100 values are in customers.id",
  ]);
});

Deno.test("references: a join that the user names needs neither names nor all values", async () => {
  const customers = keyTableOf("customers", { id: upTo(50) });
  const orders = keyTableOf("orders", { who: upTo(200).map((i) => 40 + i % 100) });
  const named = { from: { table: "orders", column: "who" }, to: { table: "customers", column: "id" } };
  assert.deepEqual(await found([customers, orders]), []);
  assert.deepEqual(await found([customers, orders], [named]), ["orders.who → customers.id"]);
});

Deno.test("references: keys of a table that was looked at in part are looked for in its file", async () => {
  const ids = upTo(1000).map((i) => 3 * i);
  const rows = { customers: { customer_id: ids } };
  const customers = keyTableOf("customers", rows.customers, { looked: 100 });
  const orders = keyTableOf("orders", { customer_id: upTo(60).map((i) => 3 * (400 + i % 30)) });
  const { references } = await findReferences({ tables: [customers, orders], searchKeys: searchIn(rows) });
  assert.deepEqual(references.map(({ foundCount, valueCount }) => [foundCount, valueCount]), [[30, 30]]);

  const twice = { customers: { customer_id: [...ids.slice(0, 999), 1203] } };
  const { references: none, nearMisses } = await findReferences({
    tables: [keyTableOf("customers", twice.customers, { looked: 100 }), orders],
    searchKeys: searchIn(twice),
  });
  assert.deepEqual(none, []);
  assert.match(nearMisses[0].text, /customers\.customer_id has "1203" twice/);
});
