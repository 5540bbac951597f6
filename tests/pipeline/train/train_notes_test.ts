import assert from "node:assert/strict";
import { evaluateModel } from "../../../pipeline/fit/evaluate.ts";
import { warnOfAuc } from "../../../pipeline/train/notes.ts";
import { testPart, trainTestSplit } from "../../../pipeline/examples/split.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { type FeatureSpec, parseSpec } from "../../../pipeline/examples/spec.ts";
import type { HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { encodeRows, type FeatureText, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

type Row = Readonly<Record<string, unknown>>;

/** Makes ordinary rows whose label depends on x. @param change Returns members to replace in a row. */
function makeRows(count: number, change: (i: number, row: Row) => Row = () => ({})): Row[] {
  const random = createRandom(8);
  return Array.from({ length: count }, (_, i) => {
    const x = 2 * random.uniform() - 1;
    const row = { id: i, who: `who-${i % 150}`, x, y: random.uniform(), c: `c${i % 5}` };
    const clicked = random.uniform() < 1 / (1 + Math.exp(-3 * x)) ? 1 : 0;
    return { ...row, clicked, ...change(i, { ...row, clicked }) };
  });
}

const x: FeatureText = { name: "x", type: "numeric" };
const y: FeatureText = { name: "y", type: "numeric" };
const c: FeatureText = { name: "c", type: "categorical" };

type Remarks = readonly [notes: readonly string[], warnings: ArtifactMetadata["warnings"]];

async function remarksOn(
  rows: readonly Row[],
  features: readonly FeatureText[],
  settings: Partial<HyperParameters> = {},
  spec: FeatureSpec = specOf(features),
): Promise<Remarks> {
  return await withStore(tableOf(["who", "clicked", "x", "y", "c"]), async (made) => {
    insertRows(made.store, rows);
    const { notes, warnings } = (await trainOn(made, spec, settings)).artifact.metadata;
    return [notes, warnings];
  });
}

async function notesOf(...training: Parameters<typeof remarksOn>): Promise<readonly string[]> {
  return (await remarksOn(...training))[0];
}

Deno.test("notes: ordinary data gives none", async () => {
  assert.deepEqual(await notesOf(makeRows(600), [x, y, c]), []);
});

Deno.test("notes: a group that is also a feature", async () => {
  const spec = parseSpec({ id: "id", label: "clicked", group: "c", features: [x, c] }, "the test's spec");
  const [notes, warnings] = await remarksOn(makeRows(600, (i) => ({ c: `c${i % 60}` })), [], {}, spec);
  assert.deepEqual(warnings?.map(({ kind, columns }) => [kind, columns]), [["group-feature", ["c"]]]);
  assert.deepEqual(notes, warnings?.map(({ text }) => text));
  assert.match(
    notes[0],
    /^c is the group and a feature: held-out rows are of groups that the model has not seen/,
  );
});

Deno.test("notes: all rows in one group, so that none can be held out", async () => {
  const ofOne = makeRows(300, () => ({ who: "all" }));
  const notes = await notesOf(ofOne, [x]);
  assert.deepEqual(notes, [
    "all 300 rows are in one group (who): none of them can be held out. Name another group in the feature spec.",
    "no row was held out: the metrics are those of the training rows.",
  ]);
  assert.deepEqual(await notesOf(ofOne, [x], { testShare: 0 }), [], "no rows are to be held out");
  await assertRejected(
    notesOf(ofOne, [x], { testShare: 0.9999 }),
    "examples-invalid",
    /^All 300 rows are in one group \(who\), which is held out: .* Name another group .* --test-share 0\.$/,
  );
});

Deno.test("notes: few held-out rows, or one", async () => {
  const handful = await notesOf(makeRows(60, (i) => ({ who: i })), [x]);
  assert.match(handful.join("\n"), /^only 1?\d row\(s\) were held out: the metrics say little\./m);
  // Finds the share that holds out one of 60 groups.
  const groups = Array.from({ length: 60 }, (_, i) => `g${i}`);
  const heldOut = (testShare: number) => {
    const { partOf } = trainTestSplit({ seed: 7, testShare, negatives: 1 });
    return groups.filter((group) => partOf(hashOf(group), 0, 0) === testPart).length;
  };
  const testShare =
    Array.from({ length: 1_000 }, (_, i) => i / 5_000).find((share) => heldOut(share) === 1) ?? 0;
  const one = await notesOf(makeRows(60, (i) => ({ who: groups[i] })), [x], { testShare });
  assert.match(one[0], /^only 1 row\(s\) were held out/);
  assert.match(one[1], /^all 1 held-out row\(s\) have label [01]/);
  assert.match((await notesOf(makeRows(60), [x], { testShare: 1e-9 }))[0], /^no row was held out/);
});

Deno.test("notes: held-out rows of one label", async () => {
  const notes = await notesOf(makeRows(400, (i, { clicked }) => ({ clicked: i % 150 < 15 ? clicked : 0 })), [
    x,
  ], {
    testShare: 0.05,
  });
  assert.match(notes.join("\n"), /^all \d+ held-out row\(s\) have label 0: the metrics do not show/m);
});

Deno.test("notes: a feature that gives the label away, also as a warning", async () => {
  const leaking = makeRows(600, (i, { clicked }) => ({ y: Number(clicked) * 10 + (i % 7) }));
  const [notes, warnings] = await remarksOn(leaking, [x, y, c]);
  assert.deepEqual(warnings?.map(({ kind, columns }) => [kind, columns]), [["label-copy", ["y"]]]);
  assert.equal(notes.length, 1, "the AUC that follows from it is not a note too");
  assert.match(
    notes[0],
    /^y alone tells the outcome, with an AUC of 1\.000 .* Is it known when the model is asked\?/,
  );

  const byLevel = makeRows(600, (_, { clicked }) => ({ c: clicked === 1 ? "paid" : null }));
  assert.match(
    (await notesOf(byLevel, [x, y, c]))[0],
    /^c is there or missing by the outcome: 0 % .* and 100 %/,
  );
});

Deno.test("notes: warnings are the same on any number of threads, and if the examples are spilled", async () => {
  const rows = makeRows(
    24_000,
    (i, { clicked }) => ({ y: Number(clicked) + (i % 5 === 0 ? NaN : 0.1), c: `c${i % 9}` }),
  );
  await withStore(tableOf(["who", "clicked", "x", "y", "c"]), async (made) => {
    insertRows(made.store, rows);
    const resources = [{}, { threads: 3 }, { memoryBytes: 0 }];
    const models = [];
    for (const resource of resources) {
      models.push((await trainOn(made, specOf([x, y, c]), {}, resource)).artifact);
    }
    const [first] = models;
    assert.deepEqual(first.metadata.warnings?.map(({ kind, columns }) => [kind, columns]), [["label-copy", [
      "y",
    ]]]);
    assert.deepEqual(models.map(({ id }) => id), models.map(() => first.id));
  });
});

Deno.test("notes: a held-out AUC of 1 that no feature gives alone", async () => {
  const together = makeRows(600, (_, { x, y }) => ({ clicked: Number(x) / 2 + Number(y) > 0.5 ? 1 : 0 }));
  const [[note], warnings] = await remarksOn(together, [x, y, c], { C: 1e6 });
  assert.match(note, /^the held-out AUC is 1\.0000, .*: no feature does it alone\./);
  assert.deepEqual(warnings?.map(({ kind, columns }) => [kind, columns]), [["too-good", []]]);
});

Deno.test("notes: with many rows, a sample is enough to find the feature that gives the label away", () => {
  const rows = makeRows(600, (i, { clicked }) => ({ y: Number(clicked), who: i }));
  const partition = trainTestSplit({ seed: 7, testShare: 0.3, negatives: 1 });
  const { design, encoder } = encodeRows(specOf([x, y]), rows, { chunkRows: 4, partition });
  const coefficients = Float64Array.of(0.1, 0, 9, 0, 0);
  const metrics = evaluateModel(design, { coefficients }, 0.5);
  assert.match(
    warnOfAuc({ design, encoder, coefficients, baseRate: 0.5, metrics })[0].text,
    /: y alone does it\./,
  );
  // If products of weights overflow, there is no AUC.
  const unknown = { ...metrics, auc: Infinity };
  assert.deepEqual(warnOfAuc({ design, encoder, coefficients, baseRate: 0.5, metrics: unknown }), []);
});

Deno.test("notes: a category with (nearly) as many levels as rows", async () => {
  const like = /^c has 600 levels on 600 rows, nearly one for each, as an id has: .*minCount\.$/;
  assert.match((await notesOf(makeRows(600, (i) => ({ c: `mail-${i}` })), [x, c]))[0], like);
  const nearly = await notesOf(makeRows(600, (i) => ({ c: `name-${i % 580}` })), [x, c]);
  assert.match(nearly[0], /^c has 580 levels on 600 rows/);
  assert.deepEqual(await notesOf(makeRows(600, (i) => ({ c: `town-${i % 200}` })), [x, c]), []);
});
