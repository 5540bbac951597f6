import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import { testGain, warnOfGain } from "../../../pipeline/train/gain_warning.ts";

/** Rows whose labels are drawn by their own log-odds, and the log-odds that a model gives them. */
function makeRows(
  count: number,
  logitOf: (truth: number, random: ReturnType<typeof createRandom>) => number,
) {
  const random = createRandom(9);
  const rows = {
    logits: new Float64Array(count),
    labels: new Uint8Array(count),
    groups: Uint32Array.from({ length: count }, (_, i) => i),
  };
  for (let i = 0; i < count; i++) {
    const truth = 4 * random.uniform() - 2;
    rows.labels[i] = Number(random.uniform() < 1 / (1 + Math.exp(-truth)));
    rows.logits[i] = logitOf(truth, random);
  }
  return rows;
}

function warned(count: number, logitOf: Parameters<typeof makeRows>[1]) {
  const rows = makeRows(count, logitOf);
  const ones = rows.labels.reduce((sum, label) => sum + label, 0);
  const test = testGain(rows, 0.5);
  const losses = rows.logits.map((logit, i) => Math.log1p(Math.exp(rows.labels[i] === 1 ? -logit : logit)));
  const loss = losses.reduce((sum, value) => sum + value, 0) / count;
  assert(Math.abs(Math.LN2 - loss - test.difference) < 1e-12);
  return warnOfGain({
    metrics: { log_loss: loss, base_log_loss: Math.LN2 },
    rows: { train: 4 * count, test: count },
    clicks: { test: ones },
    columnCount: 12,
    test,
  }).map(({ text }) => text);
}

Deno.test("gain warning: a model that is better by more than chance is not warned of", () => {
  assert.deepEqual(warned(500, (truth) => truth), []);
});

Deno.test("gain warning: a model of noise is worse than no model, and what to do is said", () => {
  const [text, ...others] = warned(100, (_, random) => 6 * random.uniform() - 3);
  assert.match(
    text,
    /^on 100 held-out rows the model is worse than no model: its log loss \d\.\d{4} is \d+\.\d % above/,
  );
  assert.match(text, /12 columns, fitted to 400 rows\. Do not rely on it: .*--C 0\.01; clickwell sweep/);
  assert.deepEqual(others, []);
});

Deno.test("gain warning: a gain within chance is said to be one", () => {
  const [text] = warned(40, (truth, random) => 0.1 * truth + 0.6 * (random.uniform() - 0.5));
  assert.match(
    text,
    /^on 40 held-out rows it is not shown that the model is better .* by 0\.\d{4}, and the 90 % interval from -0\.\d{4} to 0\.\d{4} includes no gain\./,
  );
});

Deno.test("gain warning: held-out rows that are few or of one label tell nothing, which a note says", () => {
  const metrics = { log_loss: 1, base_log_loss: 0.5 };
  for (const [test, ones] of [[19, 9], [30, 0], [30, 30], [0, 0]]) {
    assert.deepEqual(
      warnOfGain({ metrics, rows: { train: 50, test }, clicks: { test: ones }, columnCount: 2 }),
      [],
    );
  }
  assert.equal(
    warnOfGain({ metrics, rows: { train: 50, test: 30 }, clicks: { test: 9 }, columnCount: 2 }).length,
    1,
  );
});
