import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { unpackPrecision } from "../../../pipeline/model/packed_precision.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertAllClose } from "../../support/assert_close.ts";
import { specOf } from "../../support/example_rows.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { insertRows, modelsOf, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
const random = createRandom(21);
const rows = Array.from({ length: 1_200 }, (_, id) => {
  const x = 4 * random.uniform() - 2;
  const clicked = random.uniform() < 1 / (1 + Math.exp(1 - x)) ? 1 : 0;
  return { id, who: `who-${id % 300}`, x, c: `c${random.below(4)}`, clicked };
});

Deno.test("robust intervals: the model keeps both covariances, a platt map scales them, and it cannot be continued", () =>
  withStore(tableOf(["who", "clicked", "x", "c"]), async (made) => {
    insertRows(made.store, rows);
    const plain = (await trainOn(made, spec)).artifact.metadata;
    const trained = await trainOn(made, spec, { intervals: "robust" });
    const { metadata } = trained.artifact;
    assert.equal(metadata.hyperParameters.intervals, "robust");
    assert.deepEqual(metadata.coefficients, plain.coefficients);
    assert.equal(metadata.precision, plain.precision);
    const size = metadata.coefficients.length + 1;
    const covarianceOf = ({ covariance = "" }: typeof metadata) =>
      unpackPrecision(covariance, size) ?? new Float64Array();
    assert.ok(covarianceOf(metadata)[size * size - 1] > 0);
    const platt = (await trainOn(made, spec, { intervals: "robust", calibrate: "platt" })).artifact.metadata;
    const slope = platt.calibration?.method === "platt" ? platt.calibration.slope : NaN;
    assertAllClose(
      covarianceOf(platt),
      covarianceOf(metadata).map((value) => value * slope ** 2),
      1e-12,
      "covariance",
    );
    const again = (await trainOn(made, spec, { intervals: "robust" })).artifact.metadata;
    assert.equal(artifactId(again), artifactId(metadata));
    await assertRejected(
      update(made.store, modelsOf(made), trained.artifact, { threads: 1, now: 5 }),
      "usage-invalid",
      /robust intervals .* without --intervals robust/,
    );
    await assertRejected(
      trainOn(made, spec, { intervals: "robust", classWeight: "balanced" }),
      "usage-invalid",
      /--intervals robust needs a fit by Newton's method/,
    );
  }));
