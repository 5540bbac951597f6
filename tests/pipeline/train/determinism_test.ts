import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { type ExampleRow, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

const spec = specOf([
  { name: "x", type: "numeric", transform: "log1p" },
  { name: "z", type: "numeric" },
  { name: "c", type: "categorical", minCount: 3 },
  { name: "d", type: "categorical" },
]);

/** Has enough combinations of bins and levels that each row adds to the Hessian's columns. */
const crossedSpec = specOf(
  [
    { name: "x", type: "numeric", transform: "log1p", bins: 200 },
    { name: "z", type: "numeric", bins: 200 },
    { name: "c", type: "categorical", minCount: 3 },
    { name: "d", type: "categorical", hash: 16 },
  ],
  { crosses: [{ of: ["c", "d"], minCount: 2 }, { of: ["x", "c"], minCount: 2 }] },
);

/** Rows of all kinds, made with integer arithmetic only: the same on every machine. */
const rows: readonly ExampleRow[] = (() => {
  const random = createRandom(2024);
  return Array.from({ length: 900 }, (_, id) => {
    const x = random.below(200_000) / 4;
    const z = random.below(10) === 0 ? null : random.below(2001) / 1000 - 1;
    const c = random.below(15) === 0 ? null : `level ${random.below(12)}`;
    const d = random.below(40);
    const score = (z ?? 0) * 300 + (d % 3) * 100 + (c === "level 3" ? 250 : 0) + x / 400;
    return {
      id: id * 7,
      who: `who-${id >> 2}`,
      clicked: random.below(1000) < 100 + score ? 1 : 0,
      x,
      z,
      c,
      d,
    };
  });
})();

type Settings = Partial<HyperParameters> & { threads?: number; crossed?: boolean };

async function metadataOf(
  inserted: readonly (readonly ExampleRow[])[],
  { threads = 1, crossed = false, ...hyperParameters }: Settings = {},
): Promise<ArtifactMetadata> {
  return await withStore(tableOf(["who", "clicked", "x", "z", "c", "d"]), async ({ store }) => {
    for (const part of inserted) insertRows(store, part);
    const settings = { ...defaultHyperParameters, ...hyperParameters };
    const ownSpec = crossed ? crossedSpec : spec;
    return (await trainModel(store, { spec: ownSpec, hyperParameters: settings, threads, now: 0 })).metadata;
  });
}

const fits: readonly Settings[] = [
  { penalty: "l2" },
  { penalty: "none" },
  { penalty: "l1", C: 0.5 },
  { penalty: "l2", solver: "lbfgs", classWeight: "balanced", negatives: 0.6 },
  { penalty: "l2", C: 0.5, crossed: true },
];

const trained = await Promise.all(fits.map((fit) => metadataOf([rows], fit)));

for (const [i, fit] of fits.entries()) {
  const settings = Object.entries(fit).map(([name, value]) => `${name} ${value}`).join(", ");
  const id = artifactId(trained[i]);

  Deno.test(`determinism: one, two, three and five threads give the same bytes (${settings})`, async () => {
    for (const threads of [2, 3, 5]) {
      assert.equal(artifactId(await metadataOf([rows], { ...fit, threads })), id);
    }
  });

  Deno.test(`determinism: rows loaded in another order, or in several loads, give the same bytes (${settings})`, async () => {
    const odd = rows.filter((_, i) => i % 2 === 1);
    const even = rows.filter((_, i) => i % 2 === 0);
    assert.equal(artifactId(await metadataOf([rows.toReversed()], fit)), id);
    assert.equal(artifactId(await metadataOf([odd, even.toReversed()], fit)), id);
  });
}

/** Trainings by mini-batches: tfjs trains, in float32. */
const minibatchFits: readonly Settings[] = [
  { optimizer: "adam", hidden: "8,4", epochs: 3, batchSize: 64, learningRate: 0.01 },
  {
    optimizer: "momentum",
    hidden: "",
    epochs: 3,
    batchSize: 32,
    learningRate: 0.01,
    patience: 2,
    validationShare: 0.2,
  },
];

/** SHA-256 of the metadata without members that may change between releases: settings, notes, the version, column types, rows read. */
function digestOf(
  { encoder, coefficients, intercept, data, metrics, solver, golden }: ArtifactMetadata,
): string {
  const features = encoder.features.map(({ ...feature }) => {
    if (feature.type === "categorical") delete feature.values;
    return feature;
  });
  const untyped = { ...encoder, features };
  const { train, test, left_out, validation } = data.rows;
  const used = {
    ...data,
    rows: { train, test, left_out, ...(validation === undefined ? {} : { validation }) },
  };
  const content = { encoder: untyped, coefficients, intercept, data: used, metrics, solver, golden };
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

Deno.test("determinism: every machine and every version of the runtime gives the same model, to the last bit", () => {
  // A difference here changes the id of every model. If a solver or an encoding changed on purpose, update these values.
  const expected = [
    "36df896d4f9ae468efcc7158e1b94203dfdac270ef13833c7acad1653a08a510",
    "124ad97d792b90e5a04cefba373f9e906ad56648980b678de1cfc05c7fb49114",
    "9ff2a89d218626084d2a9fb7b9c6c3a2aaca0893ca858af2d2965970d04c86bf",
    "262e80d560d6f500ff6c2809202757aec3769028d9c1a4401280a7a79bb80df5",
    "82e0148c21f17091499ac2e3b84ea7390925729a986126265d442cf065d39cbe",
  ];

  assert.deepEqual(trained.map(digestOf), expected);
});

Deno.test("determinism: mini-batches give the same model on any number of threads, to the last bit", async () => {
  const expected = [
    "49d22f7e5cdcc94ca965014891a595f732fbe33cf316fa950b194ccc7a1b453a",
    "aa06746baaeb6ffb714d6f2e1f0d93ab181f2b314cf02af23232ca67dc33415c",
  ];

  const models = await Promise.all(minibatchFits.map((fit) => metadataOf([rows], fit)));

  assert.deepEqual(models.map(digestOf), expected);
  for (const [i, fit] of minibatchFits.entries()) {
    assert.equal(artifactId(await metadataOf([rows], { ...fit, threads: 3 })), artifactId(models[i]));
  }
});
