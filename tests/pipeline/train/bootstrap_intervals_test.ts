import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createDrawnError, packDraws, unpackDraws } from "../../../pipeline/model/table_draws.ts";
import { parseReport } from "../../../pipeline/report/report_file.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import type { ServingModel } from "../../../server/models/loaded_model.ts";
import { createRowExplainer } from "../../../server/models/row_explainer.ts";
import { detailsOf, rowWriter } from "../../../server/scoring/row_answer.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { type ExampleRow, specOf } from "../../support/example_rows.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { insertRows, tableOf, type TempStore, trainOn, withStore } from "../../support/temp_store.ts";

const bootstrap = { features: "auto", intervals: "bootstrap" } as const;
const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);

/** A step of x in another direction for each level; levels of the group's own rows, `rare` in few of them. */
function rowsOf(random: Random, count: number): ExampleRow[] {
  return Array.from({ length: count }, (_, id) => {
    const x = random.below(30) === 0 ? null : random.below(200) / 10;
    const c = random.below(25) === 0 ? "rare" : ["a", "b"][random.below(2)];
    const logit = (x === null ? 0 : x > 10 ? 2 : -2) * (c === "a" ? 1 : -1);
    const clicked = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    return { id, who: `w${Math.floor(id / 3)}`, clicked, x, c };
  });
}

function withRows<T>(rows: readonly ExampleRow[], use: (made: TempStore) => Promise<T>): Promise<T> {
  return withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    insertRows(made.store, rows);
    return await use(made);
  });
}

function drawnErrorOf({ encoder, draws }: ArtifactMetadata) {
  const unpacked = draws && unpackDraws(draws, encoder);
  assert.ok(unpacked);
  return { errorOf: createDrawnError(encoder, unpacked), draws: unpacked };
}

Deno.test("bootstrap intervals: the same bytes for any number of threads, by --repeat and by the spec; served and in the report", () =>
  withRows(rowsOf(createRandom(3), 1_200), async (made) => {
    const one = await trainOn(made, spec, bootstrap);
    const { id, metadata } = one.artifact;
    assert.equal(metadata.draws?.count, 50);
    assert.equal(metadata.hyperParameters.intervals, "bootstrap");
    assert.equal((await trainOn(made, spec, bootstrap, { threads: 2 })).artifact.id, id);
    const found = parseSpec(metadata.spec, "the model's");
    const repeated = await trainModel(made.store, {
      ...{ spec: found, threads: 2, now: 0 },
      hyperParameters: { ...defaultHyperParameters, ...metadata.hyperParameters } as HyperParameters,
    });
    assert.equal(artifactId(repeated.metadata), id);
    assert.equal((await trainOn(made, found, { intervals: "bootstrap" })).artifact.id, id);
    assert.ok(!existsSync(join(made.dataDir, "searches")));

    // The model is that without intervals, which has none.
    const { draws: _, hyperParameters: __, ...others } = metadata;
    const plain = (await trainOn(made, found)).artifact.metadata;
    const { hyperParameters: ___, ...own } = plain;
    assert.deepEqual(own, others);
    await assertRejected(
      createRowExplainer(plain).standardError(),
      "interval-missing",
      /is of curves and tables.* --intervals bootstrap/,
    );

    // As the server reads it. A missing number, which few rows have, is less certain.
    const { metadata: read } = readArtifact(made.modelsDir, id);
    const errorOf = await createRowExplainer(read).standardError();
    const row = { x: 3, c: "a" };
    assertClose(errorOf(row), drawnErrorOf(metadata).errorOf(row), 0, "standard error");
    assert.ok(errorOf(row) > 0.05 && errorOf(row) < 0.6, String(errorOf(row)));
    assert.ok(errorOf({ ...row, x: null }) > 1.1 * errorOf(row));
    assert.ok(errorOf({ x: 1e300, c: "unseen" }) > 0);
    await requireReport(made, id);
  }));

/** The report has an interval of each coefficient, of each part of a curve and of each cell of a table. */
async function requireReport({ modelsDir }: TempStore, id: string): Promise<void> {
  const report = parseReport(await Deno.readFile(join(modelsDir, id, "report.json")), id);
  for (const { value, low = NaN, high = NaN } of report.coefficients.shown) {
    assert.ok(low <= value && value <= high && low > -1, `${low} ${value} ${high}`);
  }
  for (const { field, parts } of report.curves) {
    const shown = parts.filter(({ train }) => (train?.rows ?? 0) > 0);
    for (const { name, effect, low = NaN, high = NaN } of shown) {
      assert.ok(low < Number(effect) && Number(effect) < high, `${field} ${name}`);
    }
  }
  const [{ of, effects, reaches = [] }] = report.crosses;
  assert.deepEqual(of, ["x", "c"]);
  assert.deepEqual(reaches.map(({ length }) => length), effects.map(({ length }) => length));
  assert.ok(reaches.flat().some((reach) => reach > 0) && reaches.flat().every((reach) => reach >= 0));
}

Deno.test("bootstrap intervals: groups are resampled, so that copies of a row in its group tell nothing more", () =>
  withRows(
    rowsOf(createRandom(3), 500).flatMap((row, i) =>
      [0, 1, 2, 3].map((copy) => ({ ...row, id: 4 * i + copy, who: `w${i}` }))
    ),
    async (made) => {
      // Trees of one kind for both, whatever a search would take.
      const pairs = [["x", "c"]];
      const tables = { mode: "sorted", leaves: 4, pairs, foldPairs: [], foldTrees: [], trees: 60 };
      const found = parseSpec({ ...spec, tables }, "spec.json");
      const { metadata } = (await trainOn(made, found, { intervals: "bootstrap" })).artifact;
      const apart = await withRows(
        rowsOf(createRandom(3), 500).flatMap((row, i) =>
          [0, 1, 2, 3].map((copy) => ({ ...row, id: 4 * i + copy, who: `w${4 * i + copy}` }))
        ),
        async (other) => await trainOn(other, found, { intervals: "bootstrap", testShare: 0 }),
      );
      const rows = [1, 4, 9, 12, 19].flatMap((x) => ["a", "b"].map((c) => ({ x, c })));
      const meanOf = (errorOf: (row: ExampleRow) => number) =>
        rows.reduce((sum, row) => sum + errorOf(row), 0) / rows.length;
      const [grouped, single] = [metadata, apart.artifact.metadata].map((own) =>
        meanOf(drawnErrorOf(own).errorOf)
      );
      assert.ok(grouped > 1.4 * single, `${grouped} by groups, ${single} by rows`);
    },
  ));

Deno.test("bootstrap intervals: an interrupted training goes on from its resamples, to the same bytes", () =>
  withRows(rowsOf(createRandom(3), 900), async (made) => {
    const hyperParameters = { ...defaultHyperParameters, ...bootstrap };
    const whole = await trainModel(made.store, { spec, hyperParameters, threads: 1, now: 0 });
    const found = parseSpec(whole.metadata.spec, "the model's");
    const options = {
      ...{ spec: found, threads: 1, now: 0 },
      hyperParameters: { ...defaultHyperParameters, intervals: "bootstrap" as const },
    };
    const controller = new AbortController();
    let [least, most] = [Infinity, 0];
    const watch = (use: (share: number) => void) => ({
      stage: ({ stage, done, total = 1 }: { stage: string; done: number; total?: number }) => {
        if (stage === "tables of resamples") use(done / total);
      },
    });
    await assertRejected(
      trainModel(made.store, {
        ...options,
        signal: controller.signal,
        observe: watch((share) => {
          most = Math.max(most, share);
          if (share > 0.5) controller.abort(new Failure("interrupted", "Interrupted."));
        }),
      }),
      "interrupted",
      /of the search's stages are done and kept in .*searches.*Run the same command/,
    );
    assert.ok(most < 1);
    const again = await trainModel(made.store, {
      ...options,
      observe: watch((share) => least = Math.min(least, share)),
    });
    assert.ok(least > 0.3, `it began again at ${least}`);
    assert.equal(artifactId(again.metadata), artifactId(whole.metadata));
    assert.ok(!existsSync(join(made.dataDir, "searches")));
  }));

Deno.test("bootstrap intervals: a platt map scales them, an isotonic one and class weights leave them", () =>
  withRows(rowsOf(createRandom(3), 900), async (made) => {
    const own = (await trainOn(made, spec, { ...bootstrap, calibrate: "none" })).artifact.metadata;
    const found = parseSpec(own.spec, "the model's");
    const settings = { intervals: "bootstrap" } as const;
    const platt = (await trainOn(made, found, { ...settings, calibrate: "platt" })).artifact.metadata;
    const slope = platt.calibration?.method === "platt" ? platt.calibration.slope : NaN;
    const isotonic = (await trainOn(made, found, { ...settings, calibrate: "isotonic" })).artifact.metadata;
    assert.deepEqual(isotonic.draws, own.draws);
    const balanced = (await trainOn(made, found, { ...settings, classWeight: "balanced" })).artifact.metadata;
    for (const row of [{ x: 3, c: "a" }, { x: 17, c: "rare" }, { x: null, c: "b" }]) {
      const error = drawnErrorOf(own).errorOf(row);
      assertClose(drawnErrorOf(platt).errorOf(row), slope * error, 1e-2 * error, "platt");
      const ratio = drawnErrorOf(balanced).errorOf(row) / error;
      assert.ok(ratio > 0.5 && ratio < 2, `${ratio} by balanced classes`);
    }
  }));

Deno.test("bootstrap intervals: refused without tables and of few groups; the plain spec that stays is that without a search", () =>
  withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    const random = createRandom(4);
    insertRows(
      made.store,
      Array.from({ length: 3_000 }, (_, id) => {
        const x = 20 * random.uniform();
        const clicked = random.uniform() < 1 / (1 + Math.exp((10 - x) / 3)) ? 1 : 0;
        return { id, who: `w${Math.floor(id / 4)}`, x, c: "a", clicked };
      }),
    );
    const plain = specOf([{ name: "x", type: "numeric" }]);
    await assertRejected(
      trainOn(made, plain, { intervals: "bootstrap" }),
      "usage-invalid",
      /--intervals bootstrap is of curves and tables: add --features auto/,
    );
    const searched = await trainOn(made, plain, bootstrap);
    assert.equal(searched.search?.taken, "plain");
    assert.equal(searched.artifact.id, (await trainOn(made, plain)).artifact.id);
    assert.ok(createRowExplainer(searched.artifact.metadata).standardError());

    const kind = {
      mode: "sorted",
      leaves: 4,
      pairs: [],
      foldPairs: [[], [], []],
      foldTrees: [9, 9, 9],
      trees: 9,
    };
    const tables = parseSpec({ ...plain, tables: kind, group: "c" }, "spec.json");
    made.store.db.exec("UPDATE shown SET c = CAST(id % 12 AS TEXT)");
    await assertRejected(
      trainOn(made, tables, { intervals: "bootstrap", testShare: 0 }),
      "usage-invalid",
      /resamples the groups of the training rows, and there are 12: leave it out, or load more rows/,
    );
  }));

Deno.test("bootstrap intervals: deviations are packed to half a percent, and those of other tables give no interval", () =>
  withRows(rowsOf(createRandom(3), 900), async (made) => {
    const { metadata } = (await trainOn(made, spec, bootstrap)).artifact;
    const { encoder, draws } = metadata;
    assert.ok(draws && encoder.tables);
    const { draws: unpacked } = drawnErrorOf(metadata);
    const random = createRandom(8);
    const count = draws.count;
    const cells = draws.tables.map(({ units }) =>
      Float64Array.from({ length: (Uint8Array.fromBase64(units).length / 4) * count }, () => random.uniform())
    );
    const packed = packDraws({
      count,
      intercepts: new Float64Array(count),
      tables: cells.map((own) => ({
        coefficients: Float64Array.from({ length: count }, (_, i) => i),
        cells: own,
      })),
    });
    const again = unpackDraws(packed, encoder);
    assert.ok(again);
    const deviation = (values: Float64Array) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
    };
    assertAllClose(
      cells.map((own, t) => again.ofCells(t, [[1, 1]]) / deviation(own.subarray(count, 2 * count))),
      cells.map(() => 1),
      5e-3,
      "deviations of cells",
    );
    assertClose(
      again.ofCoefficients([[0, 2]]),
      2 * deviation(Float64Array.from({ length: count }, (_, i) => i)),
      1e-5,
      "deviation of a coefficient",
    );
    assert.ok(unpacked.ofCells(0, [[0, 1]]) >= 0);
    const damaged = { ...draws, tables: draws.tables.slice(1) };
    assert.equal(unpackDraws(damaged, encoder), undefined);
    await assertRejected(
      createRowExplainer({ ...metadata, draws: damaged }).standardError(),
      "interval-missing",
      /has no intervals/,
    );
  }));

Deno.test("bootstrap intervals: a served probability is in its interval, with an isotonic map, too, and is that without intervals", () =>
  withRows(rowsOf(createRandom(3), 900), async (made) => {
    const { metadata } = (await trainOn(made, spec, { ...bootstrap, calibrate: "isotonic" })).artifact;
    assert.equal(metadata.calibration?.method, "isotonic");
    const { draws: _, ...without } = metadata;
    const [predictor, other] = [metadata, without as ArtifactMetadata].map((own) => createPredictor(own));
    const model = { metadata, explainer: createRowExplainer(metadata) } as ServingModel;
    const write = rowWriter(await detailsOf(model, { explain: true, interval: 0.9 }));
    for (const x of [0, 5, 10, 15, null]) {
      for (const c of ["a", "b", "rare", "unseen"]) {
        const row = { x, c };
        const probability = predictor.predict(row, createFindings());
        assert.equal(probability, other.predict(row, createFindings()));
        const { interval, explanation } = JSON.parse(`{${write(row, probability, [])}}`);
        assert.ok(interval.low < probability && probability < interval.high, JSON.stringify(interval));
        assert.ok(interval.low > 0 && interval.high < 1);
        assertClose(1 / (1 + Math.exp(-explanation.logit)), probability, 1e-12, "logit");
      }
    }
  }));
