import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { makeRows, spec, withRows } from "../../support/click_tables.ts";
import { trainOn } from "../../support/temp_store.ts";

const all = { testShare: 0 };
const none = { penalty: "none", testShare: 0 } as const;

for (
  const [what, rows, kind, message, settings] of [
    ["no rows", [], "examples-invalid", /The view examples has no rows.*clickwell ingest/, all],
    [
      "no clicks",
      makeRows(50).map((row) => ({ ...row, clicked: 0 })),
      "examples-invalid",
      /of the 50 training rows, 0 have label 1/,
      all,
    ],
    [
      "only clicks",
      makeRows(50).map((row) => ({ ...row, clicked: 1 })),
      "examples-invalid",
      /of the 50 training rows, 50 have label 1/,
      all,
    ],
    ["one row", makeRows(1), "examples-invalid", /of the 1 training rows/, all],
    [
      "no training rows",
      makeRows(3).map((row) => ({ ...row, who: "lead-1" })),
      "examples-invalid",
      /All 3 rows are in one group \(who\), which is held out: .*--test-share 0/,
      { testShare: 0.9999999 },
    ],
    [
      "a category that separates all clicks",
      makeRows(80).map((row, i) => ({ ...row, clicked: i % 2, c: `level ${i % 4}` })),
      "separable",
      /c alone .*Use --penalty l2/,
      none,
    ],
    [
      "a number that separates all clicks",
      makeRows(80).map((row) => ({ ...row, clicked: Number(row.x) > 0.3 ? 1 : 0, c: "a" })),
      "separable",
      /: x separates the rows with label 1 from the others.*Use --penalty l2/,
      none,
    ],
  ] as const
) {
  Deno.test(`train: ${what} fails with the reason, and leaves no files`, async () => {
    await withRows(rows, async (made) => {
      await assertRejected(trainOn(made, spec, settings), kind, message);
      assert.deepEqual(await made.registry.listModels(), []);
      await assert.rejects(Deno.stat(made.modelsDir), Deno.errors.NotFound);
    });
  });
}

for (const solver of ["newton", "lbfgs"] as const) {
  Deno.test(`train: a combination of fields that separates some rows fails without a penalty, with ${solver}`, async () => {
    const cells = [["a", 0, 40, 17], ["b", 1, 40, 9], ["a", 1, 20, 20], ["b", 0, 20, 0]] as const;
    const rows = cells.flatMap(([c, x, count, clicks], cell) =>
      Array.from(
        { length: count },
        (_, i) => ({ id: 100 * cell + i, who: `${cell}-${i}`, clicked: i < clicks ? 1 : 0, x, c }),
      )
    );
    await withRows(rows, async (made) => {
      await assertRejected(
        trainOn(made, spec, { ...none, solver }),
        "separable",
        /a combination of columns separates .* in a part of the rows, and no finite coefficient is best for c=a/,
      );
      assert((await trainOn(made, spec, { ...all, solver })).artifact.metadata.metrics.auc ?? 0 > 0.7);
    });
  });
}

Deno.test("train: an interrupted training leaves no files", async () => {
  const reason = new Failure("interrupted", "Interrupted.");
  await withRows(makeRows(300), async (made) => {
    for (const event of ["stage", "iteration"] as const) {
      const controller = new AbortController();
      const observe = { [event]: () => controller.abort(reason) };
      await assert.rejects(
        trainOn(made, spec, {}, { signal: controller.signal, observe, threads: 2 }),
        reason,
      );
    }
    assert.deepEqual(await made.registry.listModels(), []);
    await assert.rejects(Deno.stat(made.modelsDir), Deno.errors.NotFound);
  });
});

Deno.test("train: an invalid row is reported by its id, whichever thread reads it", async () => {
  const rows = makeRows(200).map((row, i) => i === 137 ? { ...row, clicked: 7 } : row);
  await withRows(rows, async (made) => {
    for (const threads of [1, 2]) {
      await assertRejected(
        trainOn(made, spec, {}, { threads }),
        "examples-invalid",
        /id 137 has the clicked "7"/,
      );
    }
  });
});

Deno.test("train: a file in place of the models folder fails with its path", async () => {
  await withRows(makeRows(100), async (made) => {
    Deno.writeTextFileSync(made.modelsDir, "");
    await assertRejected(trainOn(made, spec), "file-unwritable", /Cannot write the model to .*models/);
    assert.deepEqual(await made.registry.listModels(), []);
  });
});
