import assert from "node:assert/strict";
import { join } from "node:path";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { metadata, withModel } from "../../support/trained_model.ts";
import { inFolder } from "../../support/program.ts";

for (const name of ["model.json", "weights.bin"]) {
  Deno.test(`artifact: a changed byte of ${name} is detected at any position`, async () => {
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
          /were changed or belong to another model/,
        );
      }
    });
  });

  Deno.test(`artifact: a shorter or longer ${name} is detected`, async () => {
    await withModel((models, { id }, folder) => {
      const path = join(folder, name);
      const bytes = Deno.readFileSync(path);
      const last = bytes.length - 1;
      for (const length of [0, 1, last >> 1, last - 1, last]) {
        Deno.writeFileSync(path, bytes.subarray(0, length));
        assertFailure(
          () => readArtifact(models, id),
          "artifact-corrupt",
          /Train it again, or restore its folder/,
        );
      }
      Deno.writeFileSync(path, Uint8Array.of(...bytes, 0));
      assertFailure(() => readArtifact(models, id), "artifact-corrupt", /were changed/);
    });
  });

  Deno.test(`artifact: a model without ${name} is rejected`, async () => {
    await withModel((models, { id }, folder) => {
      Deno.removeSync(join(folder, name));
      assertFailure(() => readArtifact(models, id), "artifact-corrupt", new RegExp(`${name} is missing`));
    });
  });

  Deno.test(`artifact: a symbolic link in place of ${name} is rejected`, async () => {
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

Deno.test("artifact: a symbolic link or a file in place of a model's folder is rejected", async () => {
  await withModel((models, { id }, folder) => {
    Deno.renameSync(folder, join(models, "elsewhere"));
    Deno.symlinkSync(join(models, "elsewhere"), folder);
    assertFailure(() => readArtifact(models, id), "artifact-corrupt", /its folder is a symbolic link/);
    Deno.removeSync(folder);
    Deno.writeTextFileSync(folder, "");
    assertFailure(() => readArtifact(models, id), "artifact-corrupt", /model\.json is missing/);
  });
});

Deno.test("artifact: a model under another model's id is rejected", async () => {
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
  Deno.test(`artifact: ${JSON.stringify(id).slice(0, 40)} is not an id, and is rejected without touching the file system`, async () => {
    await withModel((models) => {
      assertFailure(
        () => readArtifact(models, id),
        "model-unknown",
        /^There is no model "[^]{0,80}": an id is cw-/,
      );
    });
  });
}

Deno.test("artifact: an id of no model is unknown, also without a models folder", async () => {
  await withModel((models) => {
    const id = "cw-0123456789abcdef";
    assertFailure(() => readArtifact(models, id), "model-unknown", /There is no model cw-0123456789abcdef/);
    assertFailure(() => readArtifact(join(models, "nowhere"), id), "model-unknown", /There is no model/);
  });
});

/** Writes files with the id of their content, so that checks after the checksum are reached. */
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
  Deno.test(`artifact: a model with ${what} is rejected although its checksum is right`, async () => {
    await inFolder((models) => {
      assertFailure(forge(models, change), "artifact-corrupt", message);
      assert.deepEqual([...Deno.readDirSync(models)], [], "it was written all the same");
      return Promise.resolve();
    });
  });
}
