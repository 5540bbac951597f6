import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import { unpackPrecision } from "../../../pipeline/model/packed_precision.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import type { FeatureSpec } from "../../../pipeline/examples/spec.ts";
import { gridOf } from "../../../pipeline/sweep/grid.ts";
import { sweep } from "../../../pipeline/sweep/sweep.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertAllClose } from "../../support/assert_close.ts";
import {
  assertSame,
  columns,
  plainRows,
  plainSpec,
  spec,
  tables,
  weighing,
  type WeightedRow,
  writtenOut,
} from "../../support/weighted_tables.ts";
import {
  insertRows,
  modelsOf,
  tableOf,
  type TempStore,
  trainOn,
  withStore,
} from "../../support/temp_store.ts";
import { inFolder, run } from "../../support/program.ts";

// A fixed seed: every run tests the same cases.
fc.configureGlobal({ seed: 20260101 });

function withTable<T>(rows: readonly WeightedRow[], use: (made: TempStore) => Promise<T>): Promise<T> {
  return withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows);
    return await use(made);
  });
}

type Settings = Partial<HyperParameters> & { threads?: number; memoryBytes?: number };

function trainFrom(
  rows: readonly WeightedRow[],
  { threads = 1, memoryBytes = 1e8, ...settings }: Settings,
  ownSpec: FeatureSpec = spec,
): Promise<ArtifactMetadata> {
  const hyperParameters = { ...defaultHyperParameters, tolerance: 1e-12, ...settings };
  return withTable(
    rows,
    async ({ store }) =>
      (await trainModel(store, { spec: ownSpec, hyperParameters, threads, memoryBytes, now: 0 })).metadata,
  );
}

function assertSameModel(weighted: ArtifactMetadata, repeated: ArtifactMetadata): void {
  for (const member of ["encoder", "coefficients", "intercept", "metrics"] as const) {
    assertSame(weighted[member], repeated[member], member);
  }
  assertSame(weighted.data.weights, repeated.data.weights, "the sums of weights");
}

const fits: readonly Settings[] = [
  { penalty: "l2", C: 0.3 },
  { penalty: "l2", C: 0.3, solver: "lbfgs", testShare: 0 },
  { penalty: "l2", C: 0.1, classWeight: "balanced", threads: 3 },
  { penalty: "l2", C: 0.3, threads: 2, memoryBytes: 0 },
  { penalty: "l1", C: 0.2 },
  { penalty: "elasticnet", C: 0.2, classWeight: "balanced", memoryBytes: 0 },
];

for (const settings of fits) {
  const named = Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(", ");
  Deno.test(`weights: a weighted table gives the model and metrics of its rows repeated (${named})`, () =>
    fc.assert(
      fc.asyncProperty(tables, async (rows) => {
        const weighted = await trainFrom(rows, settings);
        const repeated = await trainFrom(writtenOut(rows), settings);
        assertSameModel(weighted, repeated);
        assertSame(weighted.solver.objective, repeated.solver.objective, "the objective");
        const { read, train, test, zero_weight: zeroWeight } = weighted.data.rows;
        assert.deepEqual([read, zeroWeight], [rows.length, rows.length - weighing(rows).length]);
        assert.equal(train + test, weighing(rows).length);
      }),
      { numRuns: settings.threads === undefined ? 15 : 4 },
    ));
}

Deno.test("weights: a fit without a penalty gives the model and precision of the rows repeated", async () => {
  const rows = plainRows(400, 5);
  const [weighted, repeated] = [
    await trainFrom(rows, { penalty: "none" }, plainSpec),
    await trainFrom(writtenOut(rows), { penalty: "none" }, plainSpec),
  ];
  assertSameModel(weighted, repeated);
  const precisionOf = ({ precision = "", coefficients }: ArtifactMetadata) =>
    unpackPrecision(precision, coefficients.length + 1) ?? new Float64Array();
  assert(precisionOf(weighted).length > 0);
  assertAllClose(precisionOf(weighted), precisionOf(repeated), 1e-8, "precision");
});

Deno.test("weights: mini-batches multiply a row's loss by its weight, and penalise relative to the sum of weights", async () => {
  const settings = { optimizer: "adam", hidden: "4", epochs: 2 } as const;
  const rows = plainRows(300, 11).map((row) => ({ ...row, weight: 1 }));
  const once = await trainFrom(rows, { ...settings, C: 1 }, plainSpec);
  const fourTimes = await trainFrom(
    rows.map((row) => ({ ...row, weight: 4 })),
    { ...settings, C: 0.25 },
    plainSpec,
  );
  for (const member of ["encoder", "coefficients", "network", "intercept", "metrics"] as const) {
    const withoutBins = ({ calibration: _calibration, ...rest }: ArtifactMetadata["metrics"]) => rest;
    if (member === "metrics") assertSame(withoutBins(fourTimes.metrics), withoutBins(once.metrics), member);
    else assertSame(fourTimes[member], once[member], member);
  }
  const some = await trainFrom(plainRows(300, 11), { ...settings, C: 1 }, plainSpec);
  assert.notDeepEqual(some.coefficients, once.coefficients);
});

Deno.test("weights: the base rate is weighted, including the rows that sampling leaves out", async () => {
  const { data, metrics } = await trainFrom(plainRows(400, 12), { negatives: 0.5 }, plainSpec);
  assert(data.rows.left_out > 0 && data.weights);
  const { rows, clicks } = data.weights;
  assert(rows.left_out > data.rows.left_out);
  const [rate, observed] = [clicks.train / (rows.train + rows.left_out), clicks.test / rows.test];
  const expected = -observed * Math.log(rate) - (1 - observed) * Math.log(1 - rate);
  assertSame(metrics.base_log_loss, expected, "the base rate's log loss");
});

Deno.test("weights: an update gives the model and metrics of the rows repeated", async () => {
  const rows = plainRows(500, 6);
  const continued = async (rows: readonly WeightedRow[]) =>
    await withTable(rows.filter(({ id }) => Number(id) < 3000), async (made) => {
      const before = await trainOn(made, plainSpec, { testShare: 0, tolerance: 1e-12 });
      insertRows(made.store, rows.filter(({ id }) => Number(id) >= 3000));
      const { artifact } = await update(made.store, modelsOf(made), before.artifact, { threads: 1, now: 5 });
      return artifact.metadata;
    });
  const [weighted, repeated] = [await continued(rows), await continued(writtenOut(rows))];
  assertSameModel(weighted, repeated);
  assertSame(
    weighted.update?.log_loss_unchanged,
    repeated.update?.log_loss_unchanged,
    "the loss of the old one",
  );
  assert.equal(weighted.data.rows.train, 500);
  assert.equal(weighted.data.weights?.rows.train, writtenOut(rows).length);
});

Deno.test("weights: cross-validation gives each candidate the scores of the rows repeated", async () => {
  const rows = plainRows(300, 7);
  const paths = gridOf({ penalties: ["l2", "l1"], strengths: [0.01, 0.3], l1Ratios: [] });
  const swept = (rows: readonly WeightedRow[], classWeight: "none" | "balanced") =>
    withTable(rows, async (made) => {
      const hyperParameters = { ...defaultHyperParameters, tolerance: 1e-12, classWeight };
      const common = {
        foldCount: 3,
        gradientTolerance: 1e-12,
        oneStandardError: false,
        activate: false,
        now: 0,
      };
      const options = { spec: plainSpec, paths, hyperParameters, threads: 1, ...common };
      return await sweep(made.store, made.dataDir, modelsOf(made), options);
    });
  for (const classWeight of ["none", "balanced"] as const) {
    const [weighted, repeated] = [
      await swept(rows, classWeight),
      await swept(writtenOut(rows), classWeight),
    ];
    const scores = ({ leaderboard }: typeof weighted) =>
      leaderboard.map(({ candidate, summary }) => ({ candidate, ...summary }));
    assertSame(scores(weighted), scores(repeated), "the leaderboard");
    assertSame(weighted.metrics, repeated.metrics, "the best one's metrics");
  }
});

Deno.test("weights: very small or very large weights are noted, others are not", async () => {
  const noted = async (factor: number) => {
    const rows = plainRows(200, 8).map((row) => ({ ...row, weight: factor * (row.weight < 3 ? 0.5 : 1.5) }));
    return (await trainFrom(rows, { testShare: 0 }, plainSpec)).notes;
  };
  assert.deepEqual([await noted(1), await noted(0.11), await noted(7)], [[], [], []]);
  for (
    const [factor, sum] of [[0.02, /sum to 4\.\d+, 0\.02\d* a row/], [
      50,
      /sum to \d+, 5\d\.\d+ a row/,
    ]] as const
  ) {
    const [note] = await noted(factor);
    assert.match(note, /^the weights of the 200 training row\(s\)/);
    assert.match(note, sum);
  }
});

Deno.test("weights: the program trains the same model from weights as from the rows repeated", () =>
  inFolder(async (folder) => {
    const file = (name: string) => join(folder, name);
    const table = [[0, 0, 400], [0, 1, 100], [1, 0, 300], [7, 1, 0], [1, 1, 200], [50, 0, 1], [50, 1, 9]];
    const csv = (rows: readonly (readonly number[])[]) =>
      `id,x,y,w\n${rows.map((row, i) => `${i},${row.join(",")}\n`).join("")}`;
    const repeated = table.flatMap(([x, y, w]) => Array.from({ length: w }, () => [x, y, 1]));
    await Deno.writeTextFile(file("weighted.csv"), csv(table));
    await Deno.writeTextFile(file("repeated.csv"), csv(repeated));
    await Deno.writeTextFile(
      file("s.sql"),
      "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, x REAL, y INTEGER, w REAL) STRICT;\n" +
        "CREATE VIEW examples AS SELECT id, id AS g, x, y, w FROM t;\n",
    );
    const names = { view: "examples", id: "id", label: "y", group: "g", weight: "w" };
    await Deno.writeTextFile(
      file("spec.json"),
      JSON.stringify({ ...names, features: [{ name: "x", type: "numeric" }] }),
    );
    const clickwell = async (...words: string[]) => {
      const { code, stdout, stderr } = await run([...words, "--json"]);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const models = [];
    for (const name of ["weighted", "repeated"]) {
      const places = ["--data", file(name), "--models", file(`models-${name}`)];
      await clickwell(
        "ingest",
        "--data",
        file(name),
        "--schema",
        file("s.sql"),
        "--table",
        `t=${file(`${name}.csv`)}`,
      );
      const settings = ["--spec", file("spec.json"), "--test-share", "0", "--C", "0.01"];
      const { model_id: id } = await clickwell("train", ...places, ...settings);
      models.push(await clickwell("models", "show", id, ...places));
    }
    const [weighted, written] = models;
    for (const member of ["coefficients", "intercept", "metrics"]) {
      assertSame(weighted[member], written[member], member);
    }
    assert.equal(weighted.data.rows.train, 6);
    assert.equal(weighted.data.weights.rows.train, written.data.rows.train);
    assert.match(weighted.notes[0], /sum to 1010/);
  }));
