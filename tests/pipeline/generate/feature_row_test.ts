import assert from "node:assert/strict";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import { drawFeatureRow } from "../../../pipeline/generate/feature_row.ts";
import { createRandom } from "../../../pipeline/math/random.ts";

const numeric = { type: "numeric", nullable: true, missingIndicator: false, column: 0 } as const;
const categorical = { type: "categorical", nullable: true, column: 2 } as const;
const encoder: Encoder = {
  columnCount: 9,
  features: [
    { ...numeric, name: "amount", transform: "log1p", impute: 1_000, mean: 7, scale: 1 },
    { ...numeric, name: "age", transform: "none", impute: 40, mean: 40, scale: 10 },
    { ...categorical, name: "colour", levels: ["blue", "red"] },
    { ...categorical, name: "shop_id", levels: ["007", "12"] },
    { ...categorical, name: "empty", levels: [] },
  ],
};

const random = createRandom(1);
const rows = Array.from({ length: 500 }, () => drawFeatureRow(encoder, random));
const valuesOf = (name: string) => rows.map((row) => row[name]);
const numbersOf = (name: string) => valuesOf(name).map(Number).sort((a, b) => a - b);

Deno.test("feature row: a row has the encoder's fields, and the same seed gives the same row", () => {
  assert.deepEqual(Object.keys(rows[0]), ["amount", "age", "colour", "shop_id", "empty"]);
  assert.deepEqual(drawFeatureRow(encoder, createRandom(1)), rows[0]);
});

Deno.test("feature row: numbers have the encoder's mean and scale, in the field's own unit, with two digits", () => {
  const [amounts, ages] = [numbersOf("amount"), numbersOf("age")];
  assert(Math.abs(amounts[250] - Math.expm1(7)) < 250, `median ${amounts[250]}`);
  assert(amounts[0] > Math.expm1(3) && amounts[499] < Math.expm1(11));
  assert(Math.abs(ages[250] - 40) < 3 && ages[0] < 20 && ages[499] > 60);
  assert(amounts.every((amount) => Number(amount.toPrecision(2)) === amount));
});

Deno.test("feature row: categories are known levels; integers are written as numbers", () => {
  assert.deepEqual(new Set(valuesOf("colour")), new Set(["blue", "red"]));
  assert.deepEqual(new Set(valuesOf("shop_id")), new Set(["007", 12]));
  assert.deepEqual(new Set(valuesOf("empty")), new Set([null]));
});
