import assert from "node:assert/strict";
import { join } from "node:path";
import { createFolderStore, readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { readReport } from "../../../pipeline/report/report_file.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
const rows = Array.from({ length: 200 }, (_, id) => ({
  id,
  who: `w${id}`,
  x: id % 7,
  c: ["a", "b"][id % 2],
  clicked: id % 7 > (id % 5) ? 1 : 0,
}));

Deno.test("report.json: written with the model, removed with it, and not part of its id", () =>
  withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    insertRows(made.store, rows);
    const artifacts = createFolderStore(made.modelsDir);
    const { artifact } = await trainOn(made, spec);
    const names = () =>
      [...Deno.readDirSync(join(made.modelsDir, artifact.id))].map(({ name }) => name).sort();
    assert.deepEqual(names(), ["model.json", "report.json", "weights.bin"]);
    const report = await readReport(artifacts, artifact.id);
    assert.equal(report?.model_id, artifact.id);
    assert.equal(report?.evaluation.rows, artifact.metadata.data.rows.test);
    Deno.removeSync(join(made.modelsDir, artifact.id, "report.json"));
    assert.equal(await readReport(artifacts, artifact.id), undefined);
    assert.deepEqual(readArtifact(made.modelsDir, artifact.id), artifact, "the model is the same without it");
    await trainOn(made, spec);
    assert.deepEqual(names(), ["model.json", "report.json", "weights.bin"]);
    assert.ok(await artifacts.remove(artifact.id));
    assert.equal(await readReport(artifacts, artifact.id), undefined);
  }));

Deno.test("report.json: one that was changed is refused, the model is not, and the same training puts it back", () =>
  withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    insertRows(made.store, rows);
    const { artifact } = await trainOn(made, spec);
    const path = join(made.modelsDir, artifact.id, "report.json");
    const bytes = Deno.readFileSync(path);
    Deno.writeTextFileSync(path, new TextDecoder().decode(bytes).replace('"rows":', '"Rows":'));
    await assertRejected(
      readReport(createFolderStore(made.modelsDir), artifact.id),
      "artifact-corrupt",
      /report.json was changed/,
    );
    assert.deepEqual(readArtifact(made.modelsDir, artifact.id), artifact);
    await trainOn(made, spec);
    assert.deepEqual(Deno.readFileSync(path), bytes, "the same training, the same bytes");
    const names = [...Deno.readDirSync(join(made.modelsDir, artifact.id))].map(({ name }) => name);
    assert.equal(names.length, 3, "no temporary file is left");
  }));
