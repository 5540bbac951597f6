import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import type { TrainObserver } from "../../../pipeline/train/fit_model.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { parseReport } from "../../../pipeline/report/report_file.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertClose } from "../../support/assert_close.ts";
import { assertFailure, assertRejected } from "../../support/expected_failure.ts";
import { type ExampleRow, type FeatureText, specOf } from "../../support/example_rows.ts";
import {
  insertRows,
  modelsOf,
  tableOf,
  type TempStore,
  trainOn,
  withStore,
} from "../../support/temp_store.ts";
import { denseRow, predictByScript } from "../../support/tfjs_model.ts";

const auto: Partial<HyperParameters> = { features: "auto" };
const features: readonly FeatureText[] = [
  { name: "x", type: "numeric" },
  { name: "c", type: "categorical" },
  { name: "at", type: "time", parts: ["weekday"] },
];
const names = ["who", "weight", "clicked", "x", "c", "at", "subject"];
const day = 86_400e6;

/** A label that depends on a step of x, which is in another direction for each level of c: no straight line and no level tells. */
function rowsOf(random: Random, count: number, from = 0): ExampleRow[] {
  return Array.from({ length: count }, (_, i) => {
    const id = from + i;
    const x = random.below(30) === 0 ? null : random.below(200) / 10;
    const c = ["a", "b", "d"][random.below(3)];
    const logit = (x === null ? 0 : x > 10 ? 2 : -2) * (c === "a" ? 1 : -1);
    return {
      id,
      who: `w${Math.floor(id / 4)}`,
      weight: 1 + (id % 2),
      clicked: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0,
      x,
      c: random.below(40) === 0 ? null : c,
      at: Date.UTC(2024, 0, 1) * 1000 + Math.floor(id / 25) * day,
      subject: `news ${id % 5}`,
    };
  });
}

function withRows<T>(count: number, use: (made: TempStore) => Promise<T>): Promise<T> {
  return withStore(tableOf(names), async (made) => {
    insertRows(made.store, rowsOf(createRandom(3), count));
    return await use(made);
  });
}

Deno.test("found features: a search that was interrupted goes on from its stages, to the same bytes, and leaves nothing", () =>
  withRows(1_800, async (made) => {
    const { store, dataDir } = made;
    const spec = specOf(features);
    const hyperParameters = { ...defaultHyperParameters, ...auto };
    const options = { spec, hyperParameters, threads: 1, now: 0 };
    const whole = await trainModel(store, options);
    const stagesOf = (stopAfter: number) => {
      const controller = new AbortController();
      const grown = new Set<string>();
      let stages = 0;
      const observe: TrainObserver = {
        searched: () => {
          if (++stages === stopAfter) controller.abort(new Failure("interrupted", "Interrupted."));
        },
        stage: ({ stage, done, unit }) => {
          if (unit === "trees" && done > 0) grown.add(stage);
        },
      };
      const trained = trainModel(store, { ...options, observe, signal: controller.signal });
      return { trained, grown };
    };
    const first = stagesOf(3);
    const message = await first.trained.then(() => "", ({ message }) => String(message));
    assert.match(
      message,
      /[34] of the search's stages are done and kept in .*searches.*Run the same command/,
    );
    const [search] = [...Deno.readDirSync(join(dataDir, "searches"))];
    const files = [...Deno.readDirSync(join(dataDir, "searches", search.name))];
    assert.ok(files.length >= 3);
    // One that a crash damaged is made again.
    const damaged = join(dataDir, "searches", search.name, files[0].name);
    Deno.writeTextFileSync(damaged, Deno.readTextFileSync(damaged).slice(0, -9));
    const second = stagesOf(Infinity);
    const { metadata, report } = await second.trained;
    const again = [...second.grown].filter((stage) => first.grown.has(stage));
    assert.ok(again.length < first.grown.size, `${again} of ${[...first.grown]}`);
    assert.deepEqual(metadata, whole.metadata);
    assert.deepEqual(report, whole.report);
    assert.ok(!existsSync(join(dataDir, "searches")));
  }));

Deno.test("found features: a search finds the pair that matters, says what it took, and is the same for any number of threads and any memory", () =>
  withRows(1_800, async (made) => {
    const spec = specOf(features);
    const one = await trainOn(made, spec, auto);
    const { search, artifact: { metadata } } = one;
    assert.equal(search?.taken, "tables");
    assert.ok(search.outOfFold.tables.logLoss < search.outOfFold.plain.logLoss - 0.1);
    assert.deepEqual(search.tables[0].of, ["x", "c"]);
    assert.equal(search.stages[0].name, "curves");
    assert.equal(metadata.solver.name, "tables");
    assert.ok(metadata.solver.gradientMax < 1e-9);
    assert.equal(metadata.hyperParameters.features, "found");
    assert.equal(metadata.coefficients.length, metadata.encoder.tables?.length);
    assert.match(
      metadata.notes.join("\n"),
      /out-of-fold log loss is 0\.\d{4} .*, that of the plain spec 0\./,
    );
    assert.equal(one.effects?.[0].feature, "x × c");
    assert.equal(artifactId(metadata), one.artifact.id);

    const three = await trainOn(made, spec, auto, { threads: 3 });
    assert.equal(three.artifact.id, one.artifact.id);
    const spilled = await trainOn(made, spec, auto, { memoryBytes: 1 });
    assert.equal(spilled.artifact.id, one.artifact.id);

    // The spec of the model makes the same tables without a search.
    const again = await trainOn(made, parseSpec(metadata.spec, "the model's"));
    assert.deepEqual(again.search?.stages, []);
    assert.equal(again.artifact.id, one.artifact.id);
  }));

Deno.test("found features: the plain spec stays if it is as good, and is the same model as without a search", () =>
  withStore(tableOf(names), async (made) => {
    const random = createRandom(4);
    // A straight line in x is all there is.
    insertRows(
      made.store,
      rowsOf(random, 3_000).map((row) => {
        const x = 20 * random.uniform();
        return { ...row, x, clicked: random.uniform() < 1 / (1 + Math.exp((10 - x) / 3)) ? 1 : 0 };
      }),
    );
    const spec = specOf([{ name: "x", type: "numeric" }]);
    const searched = await trainOn(made, spec, auto);
    assert.equal(searched.search?.taken, "plain");
    assert.ok(searched.search.outOfFold.tables.logLoss >= searched.search.outOfFold.plain.logLoss);
    const plain = await trainOn(made, spec);
    assert.equal(searched.artifact.id, plain.artifact.id);
  }));

Deno.test("found features: a time budget ends the search after a stage, and the spec repeats what it reached", () =>
  withRows(900, async (made) => {
    const spec = specOf(features);
    let stages = 0;
    const cut = await trainOn(made, spec, auto, {
      isOver: () => true,
      observe: { searched: () => stages++ },
    });
    assert.ok(stages >= 1 && stages < 4, `${stages} stages`);
    assert.equal(cut.search?.isCutShort, true);
    if (cut.search.taken === "plain") return;
    const again = await trainOn(made, parseSpec(cut.artifact.metadata.spec, "the model's"));
    assert.equal(again.artifact.id, cut.artifact.id);
  }));

Deno.test("found features: a served row has the training's log-odds, and tfjs gives its probability", () =>
  withRows(1_200, async (made) => {
    const { artifact } = await trainOn(made, specOf(features), auto);
    const { metadata } = readArtifact(made.modelsDir, artifact.id);
    assert.ok(metadata.encoder.tables);
    assert.equal(metadata.golden.length, 8);
    const report = parseReport(
      await Deno.readFile(`${made.modelsDir}/${artifact.id}/report.json`),
      artifact.id,
    );
    assert.deepEqual(report.curves.map(({ field }) => field), ["x", "c", "at"]);
    assert.deepEqual(report.crosses[0].of, ["x", "c"]);
    assert.equal(report.importance?.fields.length, 3);
    const predictor = createPredictor(metadata);
    const rows = metadata.golden.map(({ features }) => features);
    const odd = { x: 1e300, c: "unseen", at: null };
    const all = [...rows, odd, { ...odd, x: null, c: null }];
    const dense = all.map((row) => denseRow(metadata.encoder, row));
    const byTfjs = await predictByScript(`${made.modelsDir}/${artifact.id}`, dense);
    all.forEach((row, i) =>
      assertClose(byTfjs[i], predictor.predict(row, createFindings()), 1e-6, `row ${i}`)
    );
  }));

Deno.test("found features: weights, a split by time and a text that tables do not have", () =>
  withRows(1_500, async (made) => {
    const spec = specOf([...features, { name: "subject", type: "words" }], { weight: true, time: "at" });
    for (const split of ["time", "both"] as const) {
      const { search, artifact: { metadata } } = await trainOn(made, spec, { ...auto, split });
      assert.equal(search?.taken, "tables", split);
      assert.deepEqual(search.leftOut, ["subject"]);
      assert.match(metadata.notes.join("\n"), /subject: the words of a text are not looked up/);
      const row = { x: 3, c: "a", at: null };
      const predictor = createPredictor(metadata);
      const alone = predictor.predict(row, createFindings());
      assert.equal(predictor.predict({ ...row, subject: "news 1" }, createFindings()), alone);
      assert.ok(alone > 0 && alone < 0.5);
    }
  }));

Deno.test("found features: balanced classes are the rows' weights in search and fit, and the intercept is corrected for them", () =>
  withStore(tableOf(names), async (made) => {
    const rare = { ...auto, calibrate: "none" } as const;
    const drawn = rowsOf(createRandom(3), 2_000).filter(({ id, clicked }) =>
      clicked === 0 || Number(id) % 5 === 0
    );
    insertRows(made.store, drawn);
    const balanced = await trainOn(made, specOf(features), { ...rare, classWeight: "balanced" });
    const { metadata } = balanced.artifact;
    assert.equal(balanced.search?.taken, "tables");
    const { rows, clicks } = metadata.data;
    const [clicked, notClicked] = [
      rows.train / 2 / clicks.train,
      rows.train / 2 / (rows.train - clicks.train),
    ];
    const weighted = await withStore(tableOf(names), async (other) => {
      insertRows(
        other.store,
        drawn.map((row) => ({ ...row, weight: row.clicked === 1 ? clicked : notClicked })),
      );
      return await trainOn(other, specOf(features, { weight: true }), rare);
    });
    // The same trees on the same weights; the odds are those of the rows as they are.
    assert.deepEqual(metadata.encoder.tables, weighted.artifact.metadata.encoder.tables);
    assert.deepEqual(metadata.coefficients, weighted.artifact.metadata.coefficients);
    assertClose(
      metadata.intercept,
      weighted.artifact.metadata.intercept - Math.log(clicked / notClicked),
      1e-12,
      "intercept",
    );
    // Measured without class weights: near the model that is fitted without them, and far from the odds of balanced rows.
    const unweighted = await trainOn(made, specOf(features), rare);
    const [own, plain] = [balanced.search.outOfFold.tables, unweighted.search?.outOfFold.tables];
    assertClose(own.logLoss, plain?.logLoss ?? NaN, 0.01, "out-of-fold log loss");
    assert.ok(own.ece < 0.06, `calibration error ${own.ece}`);
    const again = await trainOn(made, parseSpec(metadata.spec, "the model's"), {
      ...metadata.hyperParameters,
    } as Partial<HyperParameters>);
    assert.equal(again.artifact.id, balanced.artifact.id);
    const platt = await trainOn(made, specOf(features), {
      ...auto,
      classWeight: "balanced",
      calibrate: "platt",
    });
    const map = platt.artifact.metadata.calibration;
    assert.ok(map?.method === "platt" && Math.abs(map.intercept) < 0.3, JSON.stringify(map));
  }));

Deno.test("found features: a row counts by its weight", () =>
  withStore(tableOf(names), async (made) => {
    // Each row has a twin of the other label, and the two tell nothing but for their weights.
    const drawn = rowsOf(createRandom(5), 1_000).flatMap((row) => [
      { ...row, id: 2 * Number(row.id), weight: 1 },
      { ...row, id: 2 * Number(row.id) + 1, weight: 0.05, clicked: row.clicked === 1 ? 0 : 1 },
    ]);
    insertRows(made.store, drawn);
    const { search, artifact: { metadata } } = await trainOn(made, specOf(features, { weight: true }), auto);
    assert.equal(search?.taken, "tables");
    const predictor = createPredictor(metadata);
    const at = (x: number) => predictor.predict({ x, c: "a", at: null }, createFindings());
    assert.ok(at(3) < 0.3 && at(17) > 0.7, `${at(3)} and ${at(17)}`);
    const same = await trainOn(made, specOf(features), auto);
    assert.equal(same.search?.taken, "plain");
  }));

Deno.test("found features: settings that tables do not have are refused, and so is a continuation", () =>
  withRows(600, async (made) => {
    const spec = specOf(features);
    await assertRejected(
      trainOn(made, spec, { ...auto, optimizer: "adam" }),
      "usage-invalid",
      /--solver adam is not for curves and tables/,
    );
    const { artifact, search } = await trainOn(made, spec, auto);
    assert.equal(search?.taken, "tables");
    insertRows(made.store, rowsOf(createRandom(9), 50, 600));
    await assertRejected(
      update(made.store, modelsOf(made), artifact, { threads: 1, now: 1 }),
      "usage-invalid",
      /is a model of curves and tables, which new rows alone cannot continue/,
    );
  }));

Deno.test("found features: a spec whose tables name no feature is rejected", () => {
  const tables = { mode: "single", leaves: 4, pairs: [["x", "y"]], foldPairs: [], foldTrees: [3], trees: 3 };
  const parse = (change: object) =>
    parseSpec(
      { id: "id", label: "clicked", group: "who", features, tables: { ...tables, ...change } },
      "spec.json",
    );
  assertFailure(() => parse({}), "spec-invalid", /"y" is not one of the features/);
  assertFailure(() => parse({ pairs: [["x", "x"]] }), "spec-invalid", /"x" is paired with itself/);
  assertFailure(() => parse({ leaves: 1 }), "spec-invalid", /is not valid/);
  const kind = { ...tables, pairs: [["x", "at:weekday"]] };
  parse(kind);
  parse({ ...kind, others: [kind] });
  assertFailure(() => parse({ ...kind, others: [tables] }), "spec-invalid", /"y" is not one of the features/);
  assertFailure(() => parse({ ...kind, others: [{ ...kind, others: [] }] }), "spec-invalid", /is not valid/);
});

Deno.test("found features: a spec of two kinds of trees makes the mean of both, and is that of the model", () =>
  withRows(600, async (made) => {
    const trees = { foldTrees: [40, 40, 40], trees: 44 };
    const pairs = [["x", "c"]];
    const kind = { mode: "sorted", leaves: 8, pairs, foldPairs: [pairs, pairs, pairs], ...trees };
    const others = [{
      mode: "single",
      leaves: 4,
      smoothing: 0.2,
      fieldShare: 0.4,
      rowShare: 0.5,
      pairs: [],
      foldPairs: [[], [], []],
      ...trees,
    }];
    const spec = parseSpec({ ...specOf(features), tables: { ...kind, others } }, "spec.json");
    const { artifact: { id, metadata } } = await trainOn(made, spec);
    assert.deepEqual(metadata.spec.tables, { ...kind, others });
    const again = await trainOn(made, parseSpec(metadata.spec, "the model's"));
    assert.equal(again.artifact.id, id);
    const one = await trainOn(made, parseSpec({ ...specOf(features), tables: kind }, "spec.json"));
    assert.notEqual(one.artifact.id, id);
  }));
