import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import { unpackPrecision } from "../pipeline/fit/packed_precision.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import type { FeatureSpec } from "../pipeline/examples/spec.ts";
import { createRandom } from "../pipeline/random.ts";
import { gridOf } from "../pipeline/sweep/grid.ts";
import { sweep } from "../pipeline/sweep/sweep.ts";
import { defaultHyperParameters, type HyperParameters, learn } from "../pipeline/train/train.ts";
import { update } from "../pipeline/train/update.ts";
import { assertAllClose } from "./closeness.ts";
import { assertSame, columns, spec, tables, type WeightedRow, writtenOut } from "./made_weights.ts";
import { encodeRows, specOf } from "./made_examples.ts";
import { insertRows, type MadeStore, modelsOf, tableOf, trainOn, withStore } from "./made_store.ts";
import { inFolder, run } from "./program.ts";

// The same cases in every run: a failure that comes and goes helps nobody.
fc.configureGlobal({ seed: 20260101 });

const weighing = (rows: readonly WeightedRow[]) => rows.filter(({ weight }) => weight > 0);

Deno.test("weights: imputations, scales, bins, levels and crosses are those of the table written out", () => {
  fc.assert(
    fc.property(tables, fc.integer({ min: 1, max: 30 }), fc.boolean(), (rows, chunkRows, joinPure) => {
      const [weighted, repeated] = [weighing(rows), writtenOut(rows)].map((rows) =>
        encodeRows(spec, rows, { chunkRows, joinPure })
      );
      assertSame(weighted.encoder, repeated.encoder, "the encoder");
      const joined = ({ joined }: typeof weighted) => joined.map(({ rows: _rows, ...rest }) => rest);
      assertSame(joined(weighted), joined(repeated), "what was joined");
    }),
    { numRuns: 200 },
  );
});

function withTable<T>(rows: readonly WeightedRow[], use: (made: MadeStore) => Promise<T>): Promise<T> {
  return withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows);
    return await use(made);
  });
}

type Settings = Partial<HyperParameters> & { threads?: number; memoryBytes?: number };

function learnFrom(
  rows: readonly WeightedRow[],
  { threads = 1, memoryBytes = 1e8, ...settings }: Settings,
  ownSpec: FeatureSpec = spec,
): Promise<ArtifactMetadata> {
  const hyperParameters = { ...defaultHyperParameters, tolerance: 1e-12, ...settings };
  return withTable(
    rows,
    async ({ store }) =>
      (await learn(store, { spec: ownSpec, hyperParameters, threads, memoryBytes, now: 0 })).metadata,
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
  Deno.test(`weights: a weighted table gives the model and metrics of the table written out (${named})`, () =>
    fc.assert(
      fc.asyncProperty(tables, async (rows) => {
        const weighted = await learnFrom(weighing(rows), settings);
        const repeated = await learnFrom(writtenOut(rows), settings);
        assertSameModel(weighted, repeated);
        assertSame(weighted.solver.objective, repeated.solver.objective, "the objective");
        assert.equal(weighted.data.rows.train + weighted.data.rows.test, weighing(rows).length);
      }),
      { numRuns: settings.threads === undefined ? 15 : 4 },
    ));
}

const plainSpec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }], {
  weight: true,
});

/** Rows whose clicks follow from x and c without telling them for sure. */
function plainRows(count: number, seed: number): WeightedRow[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const [x, c] = [4 * random.uniform() - 2, ["a", "b", "c"][random.below(3)]];
    const rate = 1 / (1 + Math.exp(-(0.7 * x + (c === "a" ? 0.8 : -0.4))));
    const clicked = random.uniform() < rate ? 1 : 0;
    return {
      id: 10 * i,
      who: `who-${i >> 1}`,
      clicked,
      x: i % 7 === 0 ? null : x,
      c,
      weight: 1 + random.below(5),
    };
  });
}

Deno.test("weights: without a penalty, too, and with the precision that intervals are made of", async () => {
  const rows = plainRows(400, 5);
  const [weighted, repeated] = [
    await learnFrom(rows, { penalty: "none" }, plainSpec),
    await learnFrom(writtenOut(rows), { penalty: "none" }, plainSpec),
  ];
  assertSameModel(weighted, repeated);
  const precisionOf = ({ precision = "", coefficients }: ArtifactMetadata) =>
    unpackPrecision(precision, coefficients.length + 1) ?? new Float64Array();
  assert(precisionOf(weighted).length > 0);
  assertAllClose(precisionOf(weighted), precisionOf(repeated), 1e-8, "precision");
});

Deno.test("weights: a model that continues learns and measures as from the table written out", async () => {
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

Deno.test("weights: cross-validation gives each candidate the scores of the table written out", async () => {
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

Deno.test("weights: that weigh next to nothing, or very much, are noted; others are not", async () => {
  const noted = async (factor: number) => {
    const rows = plainRows(200, 8).map((row) => ({ ...row, weight: factor * (row.weight < 3 ? 0.5 : 1.5) }));
    return (await learnFrom(rows, { testShare: 0 }, plainSpec)).notes;
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

Deno.test("weights: fractions count by their sum, and the same in any unit", () => {
  const rows = plainRows(120, 9).map((row, i) => ({
    ...row,
    c: i < 9 ? "rare" : row.c,
    weight: row.weight / 10,
  }));
  const rare = rows.slice(0, 9).reduce((sum, { weight }) => sum + weight, 0);
  const levelsWith = (minCount: number, rows: readonly WeightedRow[]) => {
    const features = [{ name: "x", type: "numeric", bins: 5 }, { name: "c", type: "categorical", minCount }];
    const { encoder: { features: [x, c] } } = encodeRows(specOf(features, { weight: true }), rows);
    assert(x.type === "numeric" && c.type === "categorical");
    return { levels: c.levels, edges: x.edges, impute: x.impute };
  };
  const whole = rows.map((row) => ({ ...row, weight: Math.round(10 * row.weight) }));
  assert(levelsWith(Math.floor(rare), rows).levels.includes("rare"));
  assert(!levelsWith(Math.floor(rare) + 1, rows).levels.includes("rare"));
  assert(
    levelsWith(1, rows.map((row) => ({ ...row, weight: 1e-3 }))).levels.includes("rare"),
    "what occurs is a level",
  );
  assert.deepEqual(levelsWith(1, rows), levelsWith(1, whole));
});

Deno.test("weights: edges of more weight than quantiles are taken from are those of the table written out", () => {
  const random = createRandom(10);
  const features = [{ name: "x", type: "numeric", bins: 7, impute: 0 }];
  const rows = Array.from({ length: 90 }, (_, i): WeightedRow => ({
    id: i,
    x: i % 11 === 0 ? null : random.uniform(),
    weight: random.below(2) === 0 ? random.below(9) + 1 : 5000 + random.below(5000),
  }));
  const edgesOf = (rows: readonly WeightedRow[]) =>
    encodeRows(specOf(features, { weight: true }), rows, { chunkRows: 1e5 }).encoder.features
      .map((feature) => feature.type === "numeric" ? feature.edges : undefined);
  const plain = encodeRows(specOf(features), writtenOut(rows), { chunkRows: 1e5 }).encoder.features;
  assert.deepEqual(
    edgesOf(rows),
    plain.map((feature) => feature.type === "numeric" ? feature.edges : undefined),
  );
});

Deno.test("weights: the program makes one model of a table with weights and of the same table written out", () =>
  inFolder(async (folder) => {
    const file = (name: string) => join(folder, name);
    const table = [[0, 0, 400], [0, 1, 100], [1, 0, 300], [1, 1, 200], [50, 0, 1], [50, 1, 9]];
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
