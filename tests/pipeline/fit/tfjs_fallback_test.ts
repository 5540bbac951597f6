import assert from "node:assert/strict";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { interactionFeatures, interactionRows } from "../../support/browser_actions.ts";
import { specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

Deno.test("tfjs: where its WebAssembly does not start, its cpu backend trains, and the model names it", async () => {
  const validate = WebAssembly.validate;
  WebAssembly.validate = () => false;
  try {
    const rows = interactionRows(200);
    await withStore(tableOf(Object.keys(rows[0]).filter((name) => name !== "id")), async ({ store }) => {
      insertRows(store, rows);
      const hyperParameters = {
        ...defaultHyperParameters,
        optimizer: "adam",
        hidden: "4",
        epochs: 2,
      } as const;
      const options = { spec: specOf(interactionFeatures), hyperParameters, threads: 1, now: 0 };

      const { metadata } = await trainModel(store, options);

      assert.equal(metadata.solver.backend, "cpu");
      assert.deepEqual((await trainModel(store, options)).metadata, metadata);
    });
  } finally {
    WebAssembly.validate = validate;
  }
});
