import assert from "node:assert/strict";
import fc from "fast-check";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { forRowRanges } from "../../../pipeline/encode/design_matrix.ts";
import { splitInSteps } from "../../../pipeline/examples/time_split.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";
import { divideIntoFolds, type FoldedDesign } from "../../../pipeline/fit/folds.ts";
import { gridOf } from "../../../pipeline/sweep/grid.ts";
import { sweep } from "../../../pipeline/sweep/sweep.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { encodeExamples, type ExampleRow, rawExamplesOf, specOf } from "../../support/example_rows.ts";
import { insertRows, modelsOf, tableOf, type TempStore, withStore } from "../../support/temp_store.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

/** Fields that are encoded as they are, so that the rows of a design are known. */
const asIs = { type: "numeric", scale: "none", missingIndicator: false };
const spec = specOf([{ name: "at", ...asIs }, { name: "reader", ...asIs }], { time: "at" });

interface PlainRow {
  readonly at: number;
  readonly reader: number;
}

function foldsOf(rows: readonly ExampleRow[], split: "time" | "both", foldCount: number): FoldedDesign {
  const raw = rawExamplesOf(spec, rows, 16);
  const options = { seed: 3, testShare: 0.2, negatives: 1, split };
  const { partition } = runToEnd(splitInSteps(raw, spec, options));
  const { design } = encodeExamples(raw, spec, partition, { poolPure: false, withGroups: true });
  return divideIntoFolds(design, { foldCount, seed: 3, split });
}

function rowsOf({ design }: FoldedDesign, parts: readonly number[]): PlainRow[] {
  return [...loadEach(design.chunks)].flatMap((chunk) => {
    const own: PlainRow[] = [];
    forRowRanges(chunk, parts, (from, to) => {
      for (let i = from; i < to; i++) {
        own.push({ at: chunk.numeric[2 * i], reader: chunk.numeric[2 * i + 1] });
      }
    });
    return own;
  });
}

const tables = fc.array(fc.record({ at: fc.nat(300), reader: fc.nat(60) }), { minLength: 80, maxLength: 200 })
  .map((rows) => rows.map(({ at, reader }): ExampleRow & PlainRow => ({ at, reader, who: `r${reader}` })));

for (const split of ["time", "both"] as const) {
  Deno.test(`time folds, ${split}: a fold is fitted to rows before those it is scored on, and not to the held-out ones`, () => {
    fc.assert(
      fc.property(tables, fc.integer({ min: 2, max: 6 }), (rows, foldCount) => {
        const folded = foldsOf(rows, split, foldCount);
        const { design, folds } = folded;
        assert.equal(folds.length, foldCount);
        assert.equal(design.partRows.reduce((sum, count) => sum + count, 0), rows.length);
        let fittedBefore = 0;
        for (const { trainParts, scoreParts } of folds) {
          const [fitted, scored] = [rowsOf(folded, trainParts), rowsOf(folded, scoreParts)];
          const [last, first] = [
            Math.max(...fitted.map(({ at }) => at)),
            Math.min(...scored.map(({ at }) => at)),
          ];
          assert(last < first);
          assert(fitted.length >= fittedBefore, "each fold is fitted to more rows");
          fittedBefore = fitted.length;
          if (split === "both") {
            const known = new Set(fitted.map(({ reader }) => reader));
            assert(scored.every(({ reader }) => !known.has(reader)), "no reader is on both sides");
          }
        }
        const used = folds.flatMap(({ trainParts, scoreParts }) => [...trainParts, ...scoreParts]);
        const heldOut = rowsOf(folded, [folded.trainParts.length]);
        const lastUsed = Math.max(...rowsOf(folded, [...new Set(used)]).map(({ at }) => at));
        assert(lastUsed < Math.min(...heldOut.map(({ at }) => at)));
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("time folds: blocks have about equal numbers of rows", () => {
  const rows = Array.from(
    { length: 1_000 },
    (_, i): ExampleRow => ({ at: i * 37 % 1_000, reader: i, who: `r${i}` }),
  );
  const { design, trainParts } = foldsOf(rows, "time", 4);
  assert.deepEqual(trainParts.map((part) => design.partRows[part]), [160, 160, 160, 160, 160]);
});

const storedSpec = specOf([{ name: "x", type: "numeric" }], { time: "sent_at" });

function sweepBy(made: TempStore, hyperParameters: Partial<HyperParameters>, memoryBytes?: number) {
  return sweep(made.store, made.dataDir, modelsOf(made), {
    spec: storedSpec,
    paths: gridOf({ penalties: ["l2", "l1"], strengths: [0.01, 1], l1Ratios: [] }),
    hyperParameters: { ...defaultHyperParameters, ...hyperParameters },
    foldCount: 3,
    gradientTolerance: 1e-7,
    oneStandardError: false,
    threads: memoryBytes === undefined ? 1 : 2,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    activate: false,
    now: 0,
  });
}

function withRows(
  use: (made: TempStore) => Promise<void>,
  timeOf = (i: number) => i * 7919 % 1_000,
): Promise<void> {
  return withStore(tableOf(["who", "clicked", "sent_at", "x"]), async (made) => {
    insertRows(
      made.store,
      Array.from({ length: 900 }, (_, i) => ({
        id: i,
        who: `who-${i % 700}`,
        clicked: (i * 31 + Math.floor(i / 9)) % 3 === 0 ? 1 : 0,
        sent_at: timeOf(i),
        x: (i * 31) % 17,
      })),
    );
    await use(made);
  });
}

Deno.test("sweep: folds are by time if the split is, the same bit for bit with spilled examples", async () => {
  for (const split of ["time", "both"] as const) {
    const reports: unknown[] = [];
    for (const memoryBytes of [undefined, 0]) {
      await withRows(async (made) => {
        const { leaderboard, model, rows, account, key } = await sweepBy(
          made,
          { split, matureSeconds: 1e-5 },
          memoryBytes,
        );
        reports.push({ leaderboard, id: model.modelId, rows, account, key });
        const { outcome } = leaderboard[0];
        assert("folds" in outcome);
        // Each fold is scored on a quarter of the training rows.
        for (const fold of outcome.folds) assert(fold.rows > 100 && fold.rows < 240, `${fold.rows}`);
        const { immature = 0, straddling } = rows;
        assert(immature > 0);
        assert.equal(straddling !== undefined, split === "both");
      });
    }
    assert.deepEqual(reports[1], reports[0]);
  }
});

Deno.test("sweep: with too few times for the folds, the failure says what to do", () =>
  withRows(async (made) => {
    await assertRejected(
      sweepBy(made, { split: "time" }),
      "examples-invalid",
      /Cannot make 3 folds: one of them has no row, since all rows of the same time are in one fold\. Use fewer with --folds/,
    );
  }, (i) => i % 3));
