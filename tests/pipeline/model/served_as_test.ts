import assert from "node:assert/strict";
import { contributorsOf, createExplainer } from "../../../pipeline/model/explanation.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { rowSchemaOf } from "../../../server/openapi/row_schema.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { encodeRows, type FeatureText, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const day = 86_400e6;
const noon = Date.UTC(2024, 1, 29, 12) * 1000;

/** Features of each type, before one that is scored as it is sent. @param served Members of those that may be served. */
function featuresOf(served: boolean): FeatureText[] {
  const features: FeatureText[] = [
    { name: "position", type: "numeric", bins: 3, servedAs: 2 },
    { name: "place", type: "categorical", servedAs: "top" },
    { name: "size", type: "ordinal", levels: ["small", "large"], servedAs: null },
    { name: "at", type: "time", parts: ["hour", "age"], since: "start", servedAs: noon },
    { name: "x", type: "numeric" },
  ];
  if (served) return features;
  return features.map(({ servedAs: _, ...feature }) => feature);
}
const crosses = [{ of: ["position", "place"], minCount: 1 }];

const rows = Array.from({ length: 60 }, (_, i) => ({
  position: i % 5,
  place: ["top", "side", null][i % 3],
  size: i % 2 === 0 ? "small" : "large",
  at: noon + i * day,
  start: noon - (i % 7) * day,
  x: i / 7,
}));
const servedValues = { position: 2, place: "top", size: null, at: noon };

for (const options of [{}, { crosses }]) {
  Deno.test(`servedAs: every row is scored as if it had the value${options.crosses ? ", with crosses" : ""}`, () => {
    const { encoder } = encodeRows(specOf(featuresOf(true), options), rows);
    const plain = encodeRows(specOf(featuresOf(false), options), rows).encoder;
    assert.equal(encoder.columnCount, plain.columnCount);
    const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.sin(5 * i));
    const model = { encoder, coefficients, intercept: 0.1 };
    const predictor = createPredictor(model);
    const expected = createPredictor({ ...model, encoder: plain });
    assert.deepEqual(predictor.fields.map(({ name }) => name), ["start", "x"]);
    assert.deepEqual(predictor.unused, ["position", "place", "size", "at"]);
    const explain = createExplainer(model);
    const names = contributorsOf(encoder);
    const logits = rows.map((row) => {
      const { start, x } = row;
      const findings = createFindings();
      const logit = predictor.logit({ start, x }, findings);
      assert.deepEqual([findings.errors, findings.missing, findings.unseen], [[], [], []]);
      assert.equal(logit, expected.logit({ ...row, ...servedValues }, createFindings()));
      // What is sent for the others is not used, whatever it is.
      for (const sent of [row, { ...row, position: [], place: {}, at: "never" }]) {
        assert.equal(predictor.logit(sent, createFindings()), logit);
        const explained = explain(sent);
        assert.equal(explained.logit, logit);
        assert.deepEqual(names, ["start", "x", "position", "place", "size", "at"]);
        assert.ok(Math.abs(explained.contributions.reduce((sum, part) => sum + part, 0.1) - logit) < 1e-12);
      }
      return logit;
    });
    const columns = [rows.map(({ start }) => start), rows.map(({ x }) => x)];
    const byColumns = createColumnPredictor(model)?.(columns, rows.length, createColumnFindings(2));
    assert.deepEqual(byColumns && [...byColumns], options.crosses ? undefined : logits);
  });
}

Deno.test("servedAs: a request may lack the field, and the OpenAPI document says that it is not used", () => {
  const { encoder } = encodeRows(specOf(featuresOf(true)), rows);
  const predictor = createPredictor({
    encoder,
    coefficients: new Float64Array(encoder.columnCount),
    intercept: 0,
  });
  const schema = rowSchemaOf({ predictor, example: undefined, keys: undefined });
  assert.deepEqual(schema.required, ["start", "x"]);
  assert.deepEqual(Object.keys(schema.properties ?? {}).sort(), [
    "at",
    "place",
    "position",
    "size",
    "start",
    "x",
  ]);
});

async function trainedNotes(features: readonly FeatureText[]): Promise<readonly string[]> {
  return await withStore(tableOf(["who", "clicked", "position", "x"]), async (made) => {
    insertRows(
      made.store,
      Array.from({ length: 200 }, (_, id) => ({
        id,
        who: `w${id}`,
        clicked: (id * 7919) % 13 < 5 ? 1 : 0,
        position: id % 4,
        x: id % 9,
      })),
    );
    const { artifact: { metadata } } = await trainOn(made, specOf(features));
    assert.ok(metadata.golden.length > 0);
    assert.deepEqual(Object.keys(metadata.golden[0].features), ["x"]);
    return metadata.notes;
  });
}

Deno.test("servedAs: training notes a value that no row has, and rejects one that the field cannot have", async () => {
  const x = { name: "x", type: "numeric" };
  const position = (more: object) => ({ name: "position", type: "categorical", ...more });
  assert.deepEqual(
    (await trainedNotes([position({ servedAs: 1 }), x])).filter((note) => note.includes("served")),
    [],
  );
  const notes = await trainedNotes([position({ servedAs: "first" }), x]);
  assert.match(notes.join("\n"), /position is served as "first", which no training row has/);
  await assertRejected(
    trainedNotes([position({ servedAs: null, nullable: false }), x]),
    "spec-invalid",
    /a servedAs that position cannot have: it must be a category/,
  );
});
