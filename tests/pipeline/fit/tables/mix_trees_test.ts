import assert from "node:assert/strict";
import { scoreFolds } from "../../../../pipeline/fit/tables/fold_scores.ts";
import { mixTrees } from "../../../../pipeline/fit/tables/mix_trees.ts";
import { createRandom } from "../../../../pipeline/math/random.ts";
import { sharedUint8 } from "../../../../pipeline/runtime/shared_memory.ts";

const count = 3000;
const random = createRandom(5);
const [labels, blocks] = [sharedUint8(count), sharedUint8(count)];
const truth = Float64Array.from({ length: count }, () => 4 * random.uniform() - 2);
for (let i = 0; i < count; i++) {
  labels[i] = random.uniform() < 1 / (1 + Math.exp(-truth[i])) ? 1 : 0;
  blocks[i] = i < count / 2 ? 0 : 1;
}
const folds = [{ fittedTo: [1], scoredOn: 0 }, { fittedTo: [0], scoredOn: 1 }];
const rows = { labels, blocks, folds };

/** Trees whose logits of a row differ from the true ones by an error of their own. */
function kindOf(name: string, errorOf: (row: number) => number) {
  const logits = truth.map((logit, row) => logit + errorOf(row));
  const runs = [{ logits: logits.slice(0, count / 2) }, { logits: logits.slice(count / 2) }];
  return { name, runs, logLoss: scoreFolds(rows, rows, runs.map((run) => run.logits)).logLoss };
}

const noise = (size: number) => {
  const own = createRandom(size * 1000);
  return () => size * (2 * own.uniform() - 1);
};
const namesOf = (kinds: readonly { readonly name: string }[]) => kinds.map(({ name }) => name).join();

Deno.test("kinds of trees with different errors are mixed, that with which the mean is best first", () => {
  const [first, opposite] = [kindOf("first", () => 0.5), kindOf("opposite", () => -0.6)];
  const noisy = kindOf("noisy", noise(1));
  assert.equal(namesOf(mixTrees(rows, [noisy, first, opposite], first)), "first,opposite");
});

Deno.test("a kind that does not lower the loss of the mean by a thousandth is left out", () => {
  const first = kindOf("first", noise(0.5));
  assert.equal(namesOf(mixTrees(rows, [first], first)), "first");
  assert.equal(namesOf(mixTrees(rows, [first, { ...first, name: "same" }], first)), "first");
  assert.equal(namesOf(mixTrees(rows, [first, kindOf("worse", noise(9))], first)), "first");
});

Deno.test("at most four kinds are mixed", () => {
  const kinds = [2.1, 2.2, 2.3, 2.4, 2.5, 2.6].map((size) => kindOf(`${size}`, noise(size)));
  assert.equal(mixTrees(rows, kinds, kinds[0]).length, 4);
});
