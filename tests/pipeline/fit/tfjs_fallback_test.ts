import assert from "node:assert/strict";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { register } from "../../../pipeline/train/register.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { interactionFeatures, interactionRows } from "../../support/browser_actions.ts";
import { specOf } from "../../support/example_rows.ts";
import { run } from "../../support/program.ts";
import { insertRows, modelsOf, tableOf, withStore } from "../../support/temp_store.ts";

Deno.test("tfjs: where its WebAssembly does not start, its cpu backend trains; the model names it, and so does --repeat", async () => {
  const validate = WebAssembly.validate;
  WebAssembly.validate = () => false;
  try {
    const rows = interactionRows(200);
    await withStore(tableOf(Object.keys(rows[0]).filter((name) => name !== "id")), async (made) => {
      const { store, dataDir, modelsDir } = made;
      insertRows(store, rows);
      const hyperParameters = {
        ...defaultHyperParameters,
        optimizer: "adam",
        hidden: "4",
        epochs: 2,
      } as const;
      const options = { spec: specOf(interactionFeatures), hyperParameters, threads: 1, now: 0 };

      const trained = await trainModel(store, options);

      assert.equal(trained.metadata.solver.backend, "cpu");
      assert.deepEqual((await trainModel(store, options)).metadata, trained.metadata);

      await register(modelsOf(made), trained, options);
      // A process of its own, in which the WebAssembly starts.
      const repeated = await run(["train", "--repeat", "1", "--data", dataDir, "--models", modelsDir]);
      assert.equal(repeated.code, 1);
      assert.match(repeated.stderr, /it was trained by tfjs on the backend cpu, here on wasm/);
    });
  } finally {
    WebAssembly.validate = validate;
  }
});
