import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exportModel } from "../../../pipeline/export/export_model.ts";
import { folderSource, importModel } from "../../../pipeline/export/import_model.ts";
import { jsScorer, requireAgreement } from "../../../pipeline/export/js_scorer.ts";
import { dialects } from "../../../pipeline/export/sql_dialect.ts";
import { sqlScorer } from "../../../pipeline/export/sql_scorer.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";
import { metadata, withModel } from "../../support/trained_model.ts";

Deno.test("export: an imported model has the bytes, the time and the texts of the exported one", () =>
  withModel(async (modelsDir, artifact, folder) => {
    const root = join(folder, "../..");
    const registry = openRegistry(join(root, "data"));
    await registry.registerModel(artifact, 5_000_000);
    const row = await registry.setNote({ model: "1", note: "first" });
    const target = join(root, "exported");
    const { leftOut } = await exportModel(row, {
      artifacts: createFolderStore(modelsDir),
      folder: target,
      replace: false,
    });
    assert.deepEqual(leftOut, []);
    const elsewhere = {
      artifacts: createFolderStore(join(root, "other models")),
      registry: openRegistry(join(root, "other data")),
    };
    assert.deepEqual(await importModel(elsewhere, folderSource(target), { mayBeBare: false }), row);
    assert.equal((await elsewhere.artifacts.read(artifact.id)).checksum, artifact.checksum);
    await elsewhere.registry.setNote({ model: "1", note: "second" });
    assert.equal(
      (await importModel(elsewhere, folderSource(target), { mayBeBare: false })).note,
      "second",
      "a text of the store is kept",
    );
  }));

Deno.test("export: a model that SQL cannot express has no statements, and every other file", () =>
  inFolder(async (folder) => {
    const [feature] = metadata.encoder.features.filter(({ type }) => type === "numeric");
    const words: ArtifactMetadata["encoder"]["features"][number] = {
      ...{ type: "words", name: "subject", nullable: true, values: "text" },
      ...{ words: ["sale"], wordsMax: 9, column: 2 },
    };
    const { precision: _, ...others } = metadata;
    const made: ArtifactMetadata = {
      ...others,
      encoder: { features: [{ ...feature, column: 0 }, words], columnCount: 4 },
      coefficients: [1, 2, 3, 4],
      golden: [],
    };
    const artifact = writeArtifact(join(folder, "models"), made);
    const row = {
      modelId: artifact.id,
      version: 1,
      createdAt: 0,
      hyperParameters: {},
      metrics: {},
      checksum: "",
    };
    const artifacts = createFolderStore(join(folder, "models"));
    const options = { artifacts, folder: join(folder, "exported"), replace: false };
    const { files, leftOut } = await exportModel(row, options);
    assert.deepEqual(files, ["export.json", "golden.ndjson", "model.json", "score.js", "weights.bin"]);
    assert.deepEqual(leftOut.map(({ file }) => file), dialects.map(({ file }) => file));
    assert.match(leftOut[0].why, /the feature "subject" of the type words/);
  }));

Deno.test("export: SQLite finds one of many levels by an index", () => {
  const levels = Array.from({ length: 100 }, (_, i) => `level ${i}`);
  const field = {
    type: "categorical",
    name: "c",
    nullable: true,
    values: "text",
    levels,
    column: 0,
  } as const;
  const model = {
    spec: { id: "id" },
    encoder: { features: [field], columnCount: 102 },
    coefficients: new Array<number>(102).fill(1),
    intercept: 0,
  };
  using db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE examples (id INTEGER PRIMARY KEY, c TEXT) STRICT");
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sqlScorer(model, dialects[0])}`).all();
  assert.match(
    plan.map(({ detail }) => detail).join("\n"),
    /SEARCH clickwell_t0 USING AUTOMATIC COVERING INDEX/,
  );
});

Deno.test("export: a model whose golden examples the scorers do not reproduce is not exported", () => {
  const module = jsScorer(metadata, "a test");
  requireAgreement(metadata, module);
  const golden = metadata.golden.map(({ features, probability }) => ({
    features,
    probability: probability / 2,
  }));
  assertFailure(
    () => requireAgreement({ golden }, module),
    "input-invalid",
    /score\.js would give .* for a golden example/,
  );
});
