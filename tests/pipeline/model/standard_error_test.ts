import assert from "node:assert/strict";
import fc from "fast-check";
import { widthOf } from "../../../pipeline/encode/encoder.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { unpackPrecision } from "../../../pipeline/model/packed_precision.ts";
import {
  intervalAround,
  invertPrecision,
  type StandardErrorOf,
} from "../../../pipeline/model/standard_error.ts";
import { normalQuantile } from "../../../pipeline/math/normal_quantile.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor, probabilityOf } from "../../../pipeline/model/predictor.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { assertClose } from "../../support/assert_close.ts";
import { specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

// A fixed seed, so that every run has the same cases.
fc.configureGlobal({ seed: 20260101 });

function finished(work: Generator<void, StandardErrorOf>): StandardErrorOf {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

function standardErrorOf({ encoder, precision }: ArtifactMetadata): StandardErrorOf {
  const unpacked = precision === undefined ? undefined : unpackPrecision(precision, encoder.columnCount + 1);
  assert.ok(unpacked, "the model keeps its precision");
  return finished(invertPrecision(encoder, unpacked));
}

/** Trains on rows with one category. @param rates Numbers of clicked and other rows, by level. */
function learnRates(
  rates: Readonly<Record<string, readonly [clicked: number, not: number]>>,
  hyperParameters: Partial<HyperParameters>,
): Promise<ArtifactMetadata> {
  const rows = Object.entries(rates).flatMap(([level, [clicked, not]]) =>
    Array.from({ length: clicked + not }, (_, i) => ({ c: level, clicked: i < clicked ? 1 : 0 }))
  ).map((row, id) => ({ id, who: `w${id}`, ...row }));
  return withStore(tableOf(["who", "clicked", "c"]), async ({ store }) => {
    insertRows(store, rows);
    const { metadata } = await trainModel(store, {
      spec: specOf([{ name: "c", type: "categorical" }]),
      hyperParameters: { ...defaultHyperParameters, ...hyperParameters },
      threads: 1,
      now: 0,
    });
    return metadata;
  });
}

Deno.test("interval: a level with its own coefficient has the variance of the logit of its click rate, 1 / (n·p·(1 − p))", async () => {
  const metadata = await learnRates({ a: [30, 70], b: [12, 8], c: [5, 45] }, {
    penalty: "none",
    testShare: 0,
  });
  const standardError = standardErrorOf(metadata);
  const predictor = createPredictor(metadata);
  for (const [level, clicked, not] of [["a", 30, 70], ["b", 12, 8], ["c", 5, 45]] as const) {
    const n = clicked + not;
    const p = clicked / n;
    const row = { c: level };
    assertClose(predictor.predict(row, createFindings()), p, 1e-9, `rate of ${level}`);
    assertClose(standardError(row), Math.sqrt(1 / (n * p * (1 - p))), 1e-6, `error of ${level}`);
  }
});

Deno.test("interval: without a penalty, an unseen category has an infinite standard error", async () => {
  const metadata = await learnRates({ a: [30, 70], b: [12, 8] }, { penalty: "none", testShare: 0 });
  const standardError = standardErrorOf(metadata);
  assert.equal(standardError({ c: "new" }), Infinity);
  assert.equal(standardError({ c: null }), Infinity);
  assert.deepEqual(intervalAround(0.3, Infinity, 0.9), { low: 0, high: 1 });
});

Deno.test("interval: with a penalty, an unseen category has a finite standard error", async () => {
  const metadata = await learnRates({ a: [30, 70], b: [12, 8] }, { penalty: "l2", C: 1, testShare: 0 });
  const standardError = standardErrorOf(metadata);
  const unseen = standardError({ c: "new" });
  assert.ok(unseen > standardError({ c: "a" }) && unseen < Infinity);
});

Deno.test("interval: with one column it is the closed form of a 2 × 2 matrix", () => {
  const feature = {
    type: "numeric",
    name: "x",
    nullable: true,
    transform: "none",
    impute: 0,
    mean: 1,
    scale: 2,
    column: 0,
    missingIndicator: false,
  } as const;
  const encoder = { features: [feature], columnCount: widthOf(feature) };
  const [a, b, c] = [40, 7, 25];
  const standardError = finished(invertPrecision(encoder, Float64Array.of(a, b, b, c)));
  for (const x of [-3, 0, 0.5, 10]) {
    const encoded = (x - 1) / 2;
    const variance = (c * encoded * encoded - 2 * b * encoded + a) / (a * c - b * b);
    assertClose(standardError({ x }), Math.sqrt(variance), 1e-12, `error at ${x}`);
  }
});

Deno.test("interval: with the largest level below 1, it is wide but finite", () => {
  const { low, high } = intervalAround(0.3, 0.5, 1 - Number.EPSILON / 2);
  assert.ok(low > 0 && low < 0.03 && high > 0.97 && high < 1, `${low} to ${high}`);
});

Deno.test("interval: it contains the probability, lies in [0, 1], and widens with the level", () => {
  const level = fc.double({ min: 1e-6, max: 1 - 1e-9, noNaN: true });
  fc.assert(
    fc.property(
      fc.double({ min: -40, max: 40, noNaN: true }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      level,
      level,
      (logit, error, a, b) => {
        const [narrow, wide] = [Math.min(a, b), Math.max(a, b)].map((level) =>
          intervalAround(logit, error, level)
        );
        const probability = probabilityOf(logit);
        for (const { low, high } of [narrow, wide]) {
          assert.ok(0 <= low && low <= probability && probability <= high && high <= 1);
        }
        assert.ok(wide.low <= narrow.low && narrow.high <= wide.high);
      },
    ),
  );
});

Deno.test("normal quantile: equals Python's statistics.NormalDist().inv_cdf, and is symmetric", () => {
  for (
    const [p, z] of [
      [0.5, 0],
      [0.9, 1.2815515655446004],
      [0.95, 1.6448536269514722],
      [0.975, 1.959963984540054],
      [0.995, 2.5758293035489004],
      [0.9999999, 5.199337582290662],
      [1e-20, -9.262340089798408],
    ] as const
  ) assertClose(normalQuantile(p), z, 1e-13, `quantile of ${p}`);
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (p) => {
      assertClose(normalQuantile(1 - p), -normalQuantile(p), 1e-12, `symmetry at ${p}`);
    }),
  );
});
