import assert from "node:assert/strict";
import { join } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import {
  type Artifact,
  artifactId,
  readArtifact,
  sweepUnfinished,
  writeArtifact,
} from "../pipeline/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/artifact_metadata.ts";
import { encodeCategory, encodeNumeric, type Encoder, positionsOf } from "../pipeline/encoder.ts";
import { Failure, type FailureKind } from "../pipeline/failure.ts";
import { drawFeatureRow } from "../pipeline/feature_row.ts";
import { createPredictor } from "../pipeline/predictor.ts";
import { createRandom } from "../pipeline/random.ts";
import { defaultHyperParameters, learn } from "../pipeline/train.ts";
import { specOf } from "./made_examples.ts";
import { insertRows, tableOf, withStore } from "./made_store.ts";
import { inFolder } from "./program.ts";

const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "z", type: "numeric", transform: "log1p" },
  { name: "c", type: "categorical" },
  { name: "d", type: "categorical", minCount: 5 },
]);

/** What a model on some made-up rows has in its metadata. */
const metadata = await withStore(tableOf(["who", "clicked", "x", "z", "c", "d"]), async ({ store }) => {
  const random = createRandom(8);
  insertRows(
    store,
    Array.from({ length: 300 }, (_, id) => {
      const x = random.uniform() < 0.1 ? null : 4 * random.uniform() - 2;
      const clicked = random.uniform() < 1 / (1 + Math.exp(-(x ?? 1))) ? 1 : 0;
      const c = random.below(12) === 0 ? null : ["naïve", "\u2028", '"quoted"', "日本"][random.below(4)];
      return { id, who: `w${id % 90}`, clicked, x, z: 1e6 * random.uniform(), c, d: random.below(40) };
    }),
  );
  return (await learn(store, { spec, hyperParameters: defaultHyperParameters, threads: 1, now: 0 })).metadata;
});

/** Gives a test a folder of models with the one model in it. */
function withModel(
  test: (models: string, artifact: Artifact, folder: string) => void | Promise<void>,
): Promise<void> {
  return inFolder(async (root) => {
    const models = join(root, "models");
    const artifact = writeArtifact(models, metadata);
    await test(models, artifact, join(models, artifact.id));
  });
}

function assertFailure(run: () => unknown, kind: FailureKind, message: RegExp): void {
  assert.throws(run, (error) => {
    assert(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** A row of raw fields as its encoded columns, with all their zeros. */
function denseRow({ features, columnCount }: Encoder, row: Readonly<Record<string, unknown>>): number[] {
  const columns = new Array<number>(columnCount).fill(0);
  for (const feature of features) {
    const value = row[feature.name];
    if (feature.type === "numeric") {
      columns[feature.column] = encodeNumeric(feature, value === null ? NaN : Number(value));
      if (value === null && feature.missingIndicator) columns[feature.column + 1] = 1;
    } else {
      const position = encodeCategory(
        positionsOf(feature),
        feature.levels.length,
        value === null ? null : String(value),
      );
      columns[feature.column + position] = 1;
    }
  }
  return columns;
}

Deno.test("artifact: tfjs itself loads the files, and gives the same probabilities", async () => {
  await withModel(async (_models, { metadata }, folder) => {
    const model = await loadLayersModel({
      async load() {
        const { modelTopology, weightsManifest, format, userDefinedMetadata } = JSON.parse(
          await Deno.readTextFile(join(folder, "model.json")),
        );
        assert.equal(format, "layers-model");
        assert.deepEqual(weightsManifest[0].paths, ["weights.bin"]);
        const { buffer } = await Deno.readFile(join(folder, "weights.bin"));
        return {
          modelTopology,
          weightSpecs: weightsManifest[0].weights,
          weightData: buffer,
          userDefinedMetadata,
        };
      },
    });
    const random = createRandom(4);
    const drawn = Array.from({ length: 100 }, () => drawFeatureRow(metadata.encoder, random));
    const unusual = [{ x: null, z: null, c: null, d: null }, { x: 0, z: -5, c: "new", d: "new" }];
    const rows = [...metadata.golden.map(({ features }) => features), ...drawn, ...unusual];
    const input = tf.tensor2d(rows.map((row) => denseRow(metadata.encoder, row)));
    const output = model.predict(input);
    assert(!Array.isArray(output));
    const predictor = createPredictor(metadata);
    (await output.data()).forEach((got, i) => {
      const expected = predictor.predict(rows[i], { errors: [], unseen: [] });
      assert(Math.abs(got - expected) <= 1e-6, `row ${i}: tfjs has ${got}, we ${expected}`);
    });
    tf.dispose([input, output]);
    model.dispose();
  });
});

Deno.test("artifact: golden examples are raw rows of the data, spread over it, with their probabilities", () => {
  assert.equal(metadata.golden.length, 8);
  assert.equal(new Set(metadata.golden.map(({ features }) => JSON.stringify(features))).size, 8);
  const predictor = createPredictor(metadata);
  for (const { features, probability } of metadata.golden) {
    assert.deepEqual(Object.keys(features), ["x", "z", "c", "d"]);
    assert.equal(predictor.predict(features, { errors: [], unseen: [] }), probability);
  }
});

Deno.test("artifact: what is read is what was written, and the id is that of the content", async () => {
  await withModel((models, artifact) => {
    assert.match(artifact.id, /^cw-[0-9a-f]{16}$/);
    assert.equal(artifact.checksum.slice(0, 16), artifact.id.slice(3));
    assert.equal(artifactId(metadata), artifact.id);
    assert.deepEqual(artifact.metadata, JSON.parse(JSON.stringify(metadata)));
    assert.deepEqual(readArtifact(models, artifact.id), artifact);
    assert.notEqual(artifactId({ ...metadata, intercept: metadata.intercept + 1e-12 }), artifact.id);
  });
});

Deno.test("artifact: weights.bin is four bytes per column and for the intercept", async () => {
  await withModel((_models, { metadata }, folder) => {
    assert.equal(Deno.statSync(join(folder, "weights.bin")).size, 4 * (metadata.coefficients.length + 1));
  });
});

Deno.test(
  "artifact: folder and files are their owner's alone",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await withModel((models, _artifact, folder) => {
      const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
      assert.deepEqual([models, folder].map(modeOf), [0o700, 0o700]);
      assert.deepEqual(["model.json", "weights.bin"].map((name) => modeOf(join(folder, name))), [
        0o600,
        0o600,
      ]);
    });
  },
);

for (const name of ["model.json", "weights.bin"]) {
  Deno.test(`artifact: a changed byte of ${name} is noticed, wherever it is`, async () => {
    await withModel((models, { id }, folder) => {
      const path = join(folder, name);
      const bytes = Deno.readFileSync(path);
      const step = Math.max(1, Math.floor(bytes.length / 60));
      for (let at = 0; at < bytes.length; at += step) {
        const changed = bytes.slice();
        changed[at] ^= 1 << (at % 8);
        Deno.writeFileSync(path, changed);
        assertFailure(
          () => readArtifact(models, id),
          "artifact-corrupt",
          /were changed or are of another model/,
        );
      }
    });
  });

  Deno.test(`artifact: a ${name} that is shorter or longer is noticed`, async () => {
    await withModel((models, { id }, folder) => {
      const path = join(folder, name);
      const bytes = Deno.readFileSync(path);
      const last = bytes.length - 1;
      for (const length of [0, 1, last >> 1, last - 1, last]) {
        Deno.writeFileSync(path, bytes.subarray(0, length));
        assertFailure(
          () => readArtifact(models, id),
          "artifact-corrupt",
          /Train it again, or bring its folder back/,
        );
      }
      Deno.writeFileSync(path, Uint8Array.of(...bytes, 0));
      assertFailure(() => readArtifact(models, id), "artifact-corrupt", /were changed/);
    });
  });

  Deno.test(`artifact: without ${name} there is no model`, async () => {
    await withModel((models, { id }, folder) => {
      Deno.removeSync(join(folder, name));
      assertFailure(() => readArtifact(models, id), "artifact-corrupt", new RegExp(`${name} is missing`));
    });
  });

  Deno.test(`artifact: a link in the place of ${name} is refused`, async () => {
    await withModel((models, { id }, folder) => {
      const path = join(folder, name);
      Deno.renameSync(path, join(models, "elsewhere"));
      Deno.symlinkSync(join(models, "elsewhere"), path);
      assertFailure(
        () => readArtifact(models, id),
        "artifact-corrupt",
        new RegExp(`${name} is not a plain file`),
      );
    });
  });
}

Deno.test("artifact: a model's folder may be no link, and no file", async () => {
  await withModel((models, { id }, folder) => {
    Deno.renameSync(folder, join(models, "elsewhere"));
    Deno.symlinkSync(join(models, "elsewhere"), folder);
    assertFailure(() => readArtifact(models, id), "artifact-corrupt", /its folder is a symbolic link/);
    Deno.removeSync(folder);
    Deno.writeTextFileSync(folder, "");
    assertFailure(() => readArtifact(models, id), "artifact-corrupt", /model\.json is missing/);
  });
});

Deno.test("artifact: a model under another model's id is refused", async () => {
  await withModel((models, { id }, folder) => {
    const other = writeArtifact(models, { ...metadata, intercept: 0, golden: [] });
    Deno.removeSync(folder, { recursive: true });
    Deno.renameSync(join(models, other.id), folder);
    assertFailure(() => readArtifact(models, id), "artifact-corrupt", new RegExp(`give the id ${other.id}`));
  });
});

for (
  const id of [
    "../cw-0000000000000000",
    "cw-0000000000000000/..",
    "cw-0000000000000000\n",
    "cw-000000000000000",
    "CW-0000000000000000",
    "cw-0000000000000000\0",
    "/etc",
    "..",
    ".",
    "",
    "latest",
    "x".repeat(1000),
  ]
) {
  Deno.test(`artifact: ${JSON.stringify(id).slice(0, 40)} is no id, and meets no file system`, async () => {
    await withModel((models) => {
      assertFailure(
        () => readArtifact(models, id),
        "model-unknown",
        /^There is no model "[^]{0,80}": an id is cw-/,
      );
    });
  });
}

Deno.test("artifact: an id that no model has is unknown, also where there is no models folder yet", async () => {
  await withModel((models) => {
    const id = "cw-0123456789abcdef";
    assertFailure(() => readArtifact(models, id), "model-unknown", /There is no model cw-0123456789abcdef/);
    assertFailure(() => readArtifact(join(models, "nowhere"), id), "model-unknown", /There is no model/);
  });
});

Deno.test("artifact: writing the same model again leaves its files as they are", async () => {
  await withModel((models, artifact, folder) => {
    const before = Deno.statSync(join(folder, "model.json"));
    assert.deepEqual(writeArtifact(models, metadata), artifact);
    const after = Deno.statSync(join(folder, "model.json"));
    assert.deepEqual([after.ino, after.mtime], [before.ino, before.mtime]);
    assert.deepEqual([...Deno.readDirSync(models)].map(({ name }) => name), [artifact.id]);
  });
});

Deno.test("artifact: writing the same model again mends a damaged one", async () => {
  await withModel((models, artifact, folder) => {
    for (
      const damage of [
        () => Deno.removeSync(join(folder, "weights.bin")),
        () => Deno.writeTextFileSync(join(folder, "model.json"), "{}"),
        () => Deno.removeSync(folder, { recursive: true }),
        () => {
          Deno.removeSync(folder, { recursive: true });
          Deno.symlinkSync(Deno.cwd(), folder);
        },
      ]
    ) {
      damage();
      assert.deepEqual(writeArtifact(models, metadata), artifact);
      assert.deepEqual(readArtifact(models, artifact.id), artifact);
      assert(!Deno.lstatSync(folder).isSymlink);
    }
  });
});

Deno.test("artifact: −0 is 0 in both files", async () => {
  await inFolder((models) => {
    const coefficients = metadata.coefficients.map(() => -0);
    const { id } = writeArtifact(models, { ...metadata, coefficients, intercept: -0, golden: [] });
    const weights = Deno.readFileSync(join(models, id, "weights.bin"));
    assert(weights.every((byte) => byte === 0));
    return Promise.resolve();
  });
});

Deno.test("artifact: a write that was interrupted leaves no model, and what it left is swept away later", async () => {
  await withModel((models, { id }) => {
    const [old, young] = ["old", "young"].map((name) => join(models, `.tmp-${name}`));
    for (const folder of [old, young]) {
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(join(folder, "model.json"), "{");
    }
    const yesterday = new Date(Date.now() - 24 * 3_600_000);
    Deno.utimeSync(old, yesterday, yesterday);
    sweepUnfinished(models);
    const names = [...Deno.readDirSync(models)].map(({ name }) => name).toSorted();
    // The young one may be another process's that is about to finish.
    assert.deepEqual(names, [".tmp-young", id]);
    sweepUnfinished(join(models, "nowhere"));
  });
});

Deno.test("artifact: a folder that cannot be written is a failure that names it, and nothing is left behind", async () => {
  await inFolder((folder) => {
    const file = join(folder, "models");
    Deno.writeTextFileSync(file, "");
    for (const models of [file, join(file, "below")]) {
      assertFailure(
        () => writeArtifact(models, metadata),
        "file-unwritable",
        /Cannot write the model to .*--models/,
      );
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["models"]);
    return Promise.resolve();
  });
});

/** Writes files whose id is right for whatever they hold: checks behind the checksum must hold too. */
function forge(
  models: string,
  change: (metadata: ArtifactMetadata & Record<string, unknown>) => unknown,
): () => unknown {
  const forged = structuredClone(metadata);
  change(forged);
  return () => writeArtifact(models, forged);
}

for (
  const [what, change, message] of [
    ["a coefficient too many", (m) => m.coefficients.push(1), /columns, its coefficients/],
    ["a column count that is not its fields'", (m) => m.encoder.columnCount++, /columns, its coefficients/],
    ["a field in another's columns", (m) => m.encoder.features[1].column--, /NaN columns/],
    [
      "a coefficient that is no number",
      (m) => m.coefficients[0] = NaN,
      /userDefinedMetadata\.coefficients\.0/,
    ],
    ["an infinite intercept", (m) => m.intercept = Infinity, /userDefinedMetadata\.intercept/],
    ["another layout", (m) => Object.assign(m, { layout: 2 }), /userDefinedMetadata\.layout/],
    [
      "a field of an unknown type",
      (m) => Object.assign(m.encoder.features[0], { type: "text" }),
      /features\.0/,
    ],
    ["a golden probability that is wrong", (m) => m.golden[0].probability /= 2, /a golden example gives/],
    ["no scale", (m) => Object.assign(m.encoder.features[0], { scale: 0 }), /features\.0\.scale/],
  ] as readonly [string, (metadata: ArtifactMetadata) => unknown, RegExp][]
) {
  Deno.test(`artifact: a model with ${what} is refused, though its checksum is right`, async () => {
    await inFolder((models) => {
      assertFailure(forge(models, change), "artifact-corrupt", message);
      assert.deepEqual([...Deno.readDirSync(models)], [], "it was written all the same");
      return Promise.resolve();
    });
  });
}
