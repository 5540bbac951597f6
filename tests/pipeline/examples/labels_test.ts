import assert from "node:assert/strict";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import { startThreads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, type TempStore, trainOn, withStore } from "../../support/temp_store.ts";

const plain = specOf([{ name: "x", type: "numeric" }]);
const spec = { ...plain, positive: "yes" };

/** Runs a test on a store whose rows have the given labels. */
function withLabels(labels: readonly unknown[], use: (made: TempStore) => Promise<void>): Promise<void> {
  return withStore(tableOf(["who", "clicked", "x"]), async (made) => {
    insertRows(made.store, labels.map((clicked, id) => ({ id, who: `w${id}`, clicked, x: id % 7 })));
    await use(made);
  });
}

async function labelsOf({ store }: TempStore, positive: string): Promise<number[]> {
  const { chunks } = await readExamples(store, { ...spec, positive }, alone);
  return [...loadEach(chunks)].flatMap(({ labels }) => [...labels]);
}

Deno.test("labels: of two texts the positive one is 1, and a row with NULL is not for training", () =>
  withLabels(["no", "yes", null, "no", "yes"], async (made) => {
    assert.deepEqual(await labelsOf(made, "yes"), [0, 1, 0, 1]);
    assert.deepEqual(await labelsOf(made, "no"), [1, 0, 1, 0]);
  }));

Deno.test("labels: the positive value may be a number, however the column spells it", () =>
  withLabels([1, 2, 2.0, "1", 2n], async (made) => {
    assert.deepEqual(await labelsOf(made, "2"), [0, 1, 1, 0, 1]);
  }));

Deno.test("labels: a number or one of several classes is rejected with what to do", async () => {
  await withLabels([0, 1, 7.5], async ({ store }) => {
    await assertRejected(
      readExamples(store, plain, alone),
      "examples-invalid",
      /id 2 has the clicked "7\.5", expected 0 or 1, .*neither a number nor one of several classes: .* clicked > 1 AS clicked/,
    );
  });
});

Deno.test("labels: a third value is rejected with its row, the other two and the remedy", async () => {
  await withLabels(["no", "yes", "maybe"], async ({ store }) => {
    await assertRejected(
      readExamples(store, spec, alone),
      "examples-invalid",
      /id 2 has the clicked "maybe", a third value beside "yes" and "no", expected two: .*clicked IN \('A', 'B'\) AS clicked/,
    );
  });
  await withLabels(["no", "yes", new Uint8Array(1)], async ({ store }) => {
    await assertRejected(readExamples(store, spec, alone), "examples-invalid", /id 2 has the clicked a blob/);
  });
});

Deno.test("labels: a third value is found even if each thread sees only two", async () => {
  // Ranges of ids that different threads read.
  const labels = Array.from({ length: 3_000 }, (_, i) => i % 3 === 0 ? "yes" : i < 1_500 ? "no" : "never");
  await withLabels(labels, async ({ store }) => {
    const threads = startThreads(3, trainWorkerUrl());
    try {
      for (let repeat = 0; repeat < 3; repeat++) {
        await assertRejected(
          readExamples(store, spec, threads),
          "examples-invalid",
          /a third value beside "yes"/,
        );
      }
    } finally {
      threads.close();
    }
  });
});

Deno.test("labels: a model of labels in words has the coefficients of the same rows with 0 and 1", async () => {
  const ones = Array.from({ length: 300 }, (_, i) => (i * 7919) % 5 < 2 ? 1 : 0);
  const trained = async (labels: readonly unknown[], positive?: string) => {
    let coefficients: readonly number[] = [];
    await withLabels(labels, async (made) => {
      const { artifact } = await trainOn(made, positive === undefined ? plain : { ...plain, positive });
      coefficients = artifact.metadata.coefficients;
    });
    return coefficients;
  };
  const numbers = await trained(ones);
  assert.ok(numbers.length > 0);
  assert.deepEqual(await trained(ones.map((one) => one ? "survived" : "died"), "survived"), numbers);
});

Deno.test("labels: a text without a positive value is rejected with the member that says which counts as 1", () =>
  withLabels(["yes", "no"], async ({ store }) => {
    await assertRejected(
      readExamples(store, plain, alone),
      "examples-invalid",
      /id 0 has the clicked "yes", expected 0 or 1.*"positive": "yes"/,
    );
  }));
