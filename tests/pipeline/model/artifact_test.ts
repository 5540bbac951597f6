import assert from "node:assert/strict";
import { join } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import { removeUnfinished } from "../../../pipeline/model/artifact_folder.ts";
import { drawFeatureRow } from "../../../pipeline/generate/feature_row.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { denseRow } from "../../support/tfjs_model.ts";
import { metadata, withModel } from "../../support/trained_model.ts";
import { inFolder } from "../../support/program.ts";

Deno.test("artifact: tfjs loads the files and gives the same probabilities", async () => {
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
      const expected = predictor.predict(rows[i], createFindings());
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
    assert.equal(predictor.predict(features, createFindings()), probability);
  }
});

Deno.test("artifact: reading returns what was written, with the id of the content", async () => {
  await withModel((models, artifact) => {
    assert.match(artifact.id, /^cw-[0-9a-f]{16}$/);
    assert.equal(artifact.checksum.slice(0, 16), artifact.id.slice(3));
    assert.equal(artifactId(metadata), artifact.id);
    assert.deepEqual(artifact.metadata, JSON.parse(JSON.stringify(metadata)));
    assert.deepEqual(readArtifact(models, artifact.id), artifact);
    assert.notEqual(artifactId({ ...metadata, intercept: metadata.intercept + 1e-12 }), artifact.id);
  });
});

Deno.test("artifact: weights.bin has four bytes per column and for the intercept", async () => {
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

Deno.test("artifact: writing the same model again does not change its files", async () => {
  await withModel((models, artifact, folder) => {
    const before = Deno.statSync(join(folder, "model.json"));
    assert.deepEqual(writeArtifact(models, metadata), artifact);
    const after = Deno.statSync(join(folder, "model.json"));
    assert.deepEqual([after.ino, after.mtime], [before.ino, before.mtime]);
    assert.deepEqual([...Deno.readDirSync(models)].map(({ name }) => name), [artifact.id]);
  });
});

Deno.test("artifact: writing the same model again repairs a damaged one", async () => {
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

Deno.test("artifact: −0 is written as 0 in both files", async () => {
  await inFolder((models) => {
    const coefficients = metadata.coefficients.map(() => -0);
    const { id } = writeArtifact(models, { ...metadata, coefficients, intercept: -0, golden: [] });
    const weights = Deno.readFileSync(join(models, id, "weights.bin"));
    assert(weights.every((byte) => byte === 0));
    return Promise.resolve();
  });
});

Deno.test("artifact: an interrupted write leaves no model, and its remains are removed later", async () => {
  await withModel((models, { id }) => {
    const [old, young] = ["old", "young"].map((name) => join(models, `.tmp-${name}`));
    for (const folder of [old, young]) {
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(join(folder, "model.json"), "{");
    }
    const yesterday = new Date(Date.now() - 24 * 3_600_000);
    Deno.utimeSync(old, yesterday, yesterday);
    removeUnfinished(models);
    const names = [...Deno.readDirSync(models)].map(({ name }) => name).toSorted();
    // The young one may be another process's that is about to finish.
    assert.deepEqual(names, [".tmp-young", id]);
    removeUnfinished(join(models, "nowhere"));
  });
});

Deno.test("artifact: a folder that cannot be written fails with its path, and leaves no files", async () => {
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
