import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { permutationImportance } from "../../../pipeline/report/importance.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { prepare } from "../../../pipeline/train/prepare.ts";
import { rawExamplesOf, specOf } from "../../support/example_rows.ts";

/** A model of many numbers, of which three matter, and rows whose labels follow it. */
function makeWide(fieldCount: number, rowCount: number) {
  const random = createRandom(5);
  const names = Array.from({ length: fieldCount }, (_, i) => `x${i}`);
  const spec = specOf(names.map((name) => ({ name, type: "numeric" as const })));
  const rows = Array.from({ length: rowCount }, (_, id) => ({
    id,
    who: `w${id}`,
    ...Object.fromEntries(names.map((name) => [name, random.uniform()] as const)),
    clicked: 0,
  }));
  for (const row of rows) {
    row.clicked = Number(6 * Number(Reflect.get(row, "x7")) - 3 > random.uniform() - 0.5);
  }
  const { encoder } = prepare(rawExamplesOf(spec, rows), spec, defaultHyperParameters);
  const weightOf: Record<string, number> = { x7: 3, x150: -0.4, [`x${fieldCount - 1}`]: 0.3 };
  const coefficients = new Float64Array(encoder.columnCount).fill(1e-3);
  for (const { name, column } of encoder.features) coefficients[column] = weightOf[name] ?? 1e-3;
  const sampled = rows.map(({ id: _, who: __, clicked, ...features }, i) => ({
    features,
    label: clicked,
    group: i,
    weight: 1,
  }));
  return { model: { encoder, coefficients, intercept: 0 }, sampled, strong: Object.keys(weightOf) };
}

Deno.test("importance: of a wide model, the fields that move the log-odds most are measured, in bounded time", () => {
  const { model, sampled, strong } = makeWide(700, 400);
  const before = structuredClone(sampled[0].features);
  const importance = permutationImportance(model, sampled, 7);
  assert.deepEqual(sampled[0].features, before);
  const fields = importance?.fields ?? [];
  assert.equal(importance?.rows, 400);
  assert.equal(fields.length, 60);
  assert.equal(fields[0].field, "x7");
  for (const name of strong) assert(fields.some(({ field }) => field === name), name);
});

Deno.test("importance: of a model of few fields, all are measured", () => {
  const { model, sampled } = makeWide(200, 60);
  const importance = permutationImportance(model, sampled, 7);
  assert.equal(importance?.fields.length, 60);
  assert.equal(importance?.fields[0].field, "x7");
});
