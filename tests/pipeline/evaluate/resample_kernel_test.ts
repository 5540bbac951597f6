import assert from "node:assert/strict";
import fc from "fast-check";
import { slackOf } from "../../../pipeline/encode/weight_slack.ts";
import {
  numberGroups,
  type RankedRows,
  rankRows,
  reliabilityBins,
} from "../../../pipeline/evaluate/ranked_rows.ts";
import { drawCounts, readResamples, readRows } from "../../../pipeline/evaluate/resample_kernel.ts";
import { createRandom } from "../../../pipeline/math/random.ts";

/** The sums of the kernel by plain loops, in the order of the rows. */
function expectedOf({ probabilities, labels, weights, groups, sums }: RankedRows, counts: Uint8Array) {
  const sumOf = (values: Float64Array) =>
    values.reduce((sum, value, group) => sum + counts[group] * value, 0);
  const [total, clicks, loss, squares] = [sums.weights, sums.clicks, sums.losses, sums.squares].map(sumOf);
  const slack = slackOf(total);
  let [wins, precisions, calibration, binSum, binClicks, bin] = [0, 0, 0, 0, 0, 1];
  let [before, clicksBefore, all, clicked] = [0, 0, 0, 0];
  let binEnd = total / reliabilityBins - slack;
  for (let i = 0; i < labels.length; i++) {
    const weight = counts[groups[i]] * weights[i];
    all += weight;
    if (labels[i] === 1) clicked += weight;
    if (probabilities[i] === probabilities[i + 1]) continue;
    if (clicked > 0) {
      wins += clicked * (before - clicksBefore + (all - clicked) / 2);
      precisions += clicked * Math.min(1, (clicks - clicksBefore) / (total - before));
    }
    before += all;
    clicksBefore += clicked;
    binSum += all * probabilities[i];
    binClicks += clicked;
    all = clicked = 0;
    if (before < binEnd) continue;
    calibration += Math.abs(binSum - binClicks);
    while (before >= binEnd && bin < reliabilityBins) binEnd = total * ++bin / reliabilityBins - slack;
    binSum = binClicks = 0;
  }
  const hasBoth = clicks > 0 && total > clicks;
  return {
    log_loss: loss / total,
    auc: hasBoth ? wins / clicks / (total - clicks) : null,
    pr_auc: hasBoth ? precisions / clicks : null,
    brier: squares / total,
    ece: (calibration + Math.abs(binSum - binClicks)) / total,
  };
}

function makeRows(seed: number, { count, levels, isWeighted }: {
  readonly count: number;
  readonly levels: number;
  readonly isWeighted: boolean;
}) {
  const random = createRandom(seed);
  const probabilities = Float64Array.from(
    { length: count },
    () => (0.5 + Math.floor(random.uniform() * levels)) / levels,
  );
  const rows = {
    labels: Uint8Array.from(probabilities, (p) => random.uniform() < p ? 1 : 0),
    groups: Uint32Array.from(probabilities, () => Math.floor(random.uniform() * count * 0.7)),
    weights: isWeighted ? Float64Array.from(probabilities, () => 0.1 + random.uniform()) : undefined,
  };
  const groups = numberGroups(rows.groups);
  const ofModel = (own: Float64Array) => rankRows(rows, groups, own);
  const others = probabilities.map((p) => Math.min(0.99, p * (0.5 + random.uniform())));
  return { hashes: groups.hashes, rankings: [ofModel(probabilities), ofModel(others)] };
}

Deno.test("resamples: the kernel's metrics are those of plain loops, to the bit, with ties, weights and two models", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.record({
        count: fc.integer({ min: 2, max: 400 }),
        levels: fc.constantFrom(3, 40, 1e9),
        isWeighted: fc.boolean(),
      }),
      (seed, shape) => {
        const rows = makeRows(seed, shape);
        const counts = drawCounts(rows.hashes, 5, seed);
        const read = readRows(rows, counts);
        if (counts.every((count) => count === 0)) {
          return assert.deepEqual(read.metrics, [undefined, undefined]);
        }
        read.metrics.forEach((metrics, i) => {
          const { normalised_entropy: _, ...others } = metrics ?? { normalised_entropy: 0 };
          assert.deepEqual(others, expectedOf(rows.rankings[i], counts));
        });
      },
    ),
    { seed: 5, numRuns: 300 },
  );
});

Deno.test("resamples: each is read as if it were read alone, also the last of an odd number", () => {
  const rows = makeRows(3, { count: 1_000, levels: 50, isWeighted: true });
  const baselines = [rows.rankings[0].sums.squares, rows.rankings[1].sums.losses];
  const all = readResamples({ ...rows, baselines }, { resamples: 7, seed: 11 });
  assert.equal(all.length, 7);
  all.forEach((reading, i) => {
    assert.deepEqual(readRows({ ...rows, baselines }, drawCounts(rows.hashes, i, 11)), reading);
  });
  assert.notDeepEqual(all[0], all[1]);
  const [[loss, difference]] = all[0].baselines;
  const [{ brier, log_loss }] = all[0].metrics.map((metrics) => metrics ?? { brier: NaN, log_loss: NaN });
  assert.equal(loss, brier);
  assert.ok(Math.abs((difference ?? NaN) - (brier - log_loss)) < 1e-12);
});
