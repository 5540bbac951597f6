import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { createChunkStore, createLoader, loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import { createMemoryBudget } from "../../../pipeline/chunks/memory_budget.ts";
import { openSpillFolder } from "../../../pipeline/chunks/spill_folder.ts";
import { isSpilled, plainFields } from "../../../pipeline/chunks/chunk_file.ts";
import { Failure } from "../../../pipeline/failure.ts";
import {
  sharedFloat64,
  sharedUint16,
  sharedUint32,
  sharedUint8,
} from "../../../pipeline/runtime/shared_memory.ts";
import { type FeatureSpec, parseSpec } from "../../../pipeline/examples/spec.ts";
import { gridOf } from "../../../pipeline/sweep/grid.ts";
import { sweep } from "../../../pipeline/sweep/sweep.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { makeRows, spec, withRows } from "../../support/click_tables.ts";
import { specOf } from "../../support/example_rows.ts";
import {
  insertRows,
  modelsOf,
  tableOf,
  type TempStore,
  trainOn,
  withStore,
} from "../../support/temp_store.ts";
import { inFolder } from "../../support/program.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

/** No memory for examples: each chunk is spilled. */
const nothing = { memoryBytes: 0 };
/** 300 rows are some 5 kB in chunks of less than 0.1 kB, each of which takes a kibibyte: part of them fit. */
const little = { memoryBytes: 20 * 1024 };

/** Spill folders in the data directory. */
function spillFolders({ dataDir }: TempStore): string[] {
  return [...Deno.readDirSync(dataDir)].map(({ name }) => name).filter((name) => name.startsWith("spill-"));
}

interface TestChunk {
  readonly rowCount: number;
  readonly ends: readonly number[];
  readonly numbers: Float64Array<SharedArrayBuffer>;
  readonly codes: readonly (Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>)[];
  readonly labels: Uint8Array<SharedArrayBuffer>;
  readonly weights?: Float64Array<SharedArrayBuffer>;
}

function chunkOf(numbers: readonly number[], width: number): TestChunk {
  const rowCount = numbers.length;
  const chunk = {
    rowCount,
    ends: [rowCount],
    numbers: sharedFloat64(rowCount),
    codes: [sharedUint16(rowCount), sharedUint32(rowCount)],
    labels: sharedUint8(rowCount * width),
  };
  chunk.numbers.set(numbers);
  chunk.codes.forEach((codes, c) => codes.set(numbers.map((_, i) => 7 * i + c)));
  chunk.labels.fill(width);
  return chunk;
}

Deno.test("spill: a chunk is read back bit for bit, next to other chunks in the file", () =>
  inFolder((folder) => {
    const budget = createMemoryBudget(folder, 0);
    const number = fc.oneof(fc.double(), fc.constantFrom(NaN, -0, Infinity, 5e-324));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(number, { maxLength: 9 }), fc.integer({ min: 0, max: 3 })), {
          maxLength: 6,
        }),
        (made) => {
          const chunks = made.map(([numbers, width]) => chunkOf(numbers, width));
          const chunkStore = createChunkStore(budget);
          const kept = chunks.map((chunk) => chunkStore.put(chunk));
          assert(kept.every((stored) => isSpilled(stored) || stored.rowCount === 0));
          assert.deepEqual(kept.map((stored) => plainFields(stored).ends), chunks.map(({ ends }) => ends));
          // As posted to a thread.
          const posted = structuredClone(kept);
          const loader = createLoader();
          chunks.forEach((chunk, c) => assert.deepEqual(loader.load(posted[c]), chunk));
        },
      ),
      { numRuns: 60 },
    );
    return Promise.resolve();
  }));

Deno.test("spill: a rewritten chunk stays in its place, or moves to the end of the file if it has grown", () =>
  inFolder((folder) => {
    const chunkStore = createChunkStore(createMemoryBudget(folder, 0));
    const kept = [[1, 2, 3], [4, 5], [6]].map((numbers) => chunkStore.put(chunkOf(numbers, 1)));
    const sizeOf = () => Deno.statSync(join(folder, "chunks-0")).size;
    const before = sizeOf();
    const doubled = chunkStore.rewrite(kept, (chunk, c) => {
      for (let i = 0; i < chunk.rowCount; i++) chunk.numbers[i] *= 2;
      return { ...chunk, ends: [c, chunk.rowCount] };
    });
    assert.deepEqual(kept, [], "emptied");
    assert.equal(sizeOf(), before);
    assert.deepEqual([...loadEach(doubled)].length, 3);
    const weighted = chunkStore.rewrite(
      doubled,
      (chunk, c) => c === 1 ? { ...chunk, weights: sharedFloat64(chunk.rowCount).fill(0.5) } : chunk,
    );
    assert(sizeOf() > before);
    const loader = createLoader();
    const found = weighted.map((stored) => {
      const { ends, numbers, weights } = loader.load(stored);
      return { ends, numbers: [...numbers], weights: weights && [...weights] };
    });
    assert.deepEqual(found, [
      { ends: [0, 3], numbers: [2, 4, 6], weights: undefined },
      { ends: [1, 2], numbers: [8, 10], weights: [0.5, 0.5] },
      { ends: [2, 1], numbers: [12], weights: undefined },
    ]);
    return Promise.resolve();
  }));

Deno.test("spill: a loader keeps `capacity` chunks valid", () =>
  inFolder((folder) => {
    const chunkStore = createChunkStore(createMemoryBudget(folder, 0));
    const kept = [[1], [2], [3]].map((numbers) => chunkStore.put(chunkOf(numbers, 1)));
    const loader = createLoader(2);
    const [first, second] = [loader.load(kept[0]), loader.load(kept[1])];
    assert.equal(loader.load(kept[0]), first, "not read again");
    assert.deepEqual([first.numbers[0], second.numbers[0]], [1, 2]);
    assert.equal(loader.load(kept[2]).numbers[0], 3);
    assert.equal(second.numbers[0], 2);
    assert.equal(loader.load(kept[0]).numbers[0], 1);
    return Promise.resolve();
  }));

Deno.test("spill: chunks stay in memory while the budget lasts, then go to a file", () =>
  inFolder((folder) => {
    const chunkStore = createChunkStore(createMemoryBudget(folder, 4096));
    const kept = Array.from({ length: 6 }, (_, i) => chunkStore.put(chunkOf([i, i, i], 1)));
    assert.deepEqual(kept.map(isSpilled), [false, false, false, false, true, true]);
    return Promise.resolve();
  }));

const weightedSpec = specOf(
  [
    { name: "x", type: "numeric", transform: "log1p" },
    { name: "z", type: "numeric", impute: "mean" },
    { name: "c", type: "categorical", minCount: 3 },
    { name: "d", type: "categorical" },
  ],
  { weight: true },
);

/** A field of each kind. */
const curvedSpec = parseSpec({
  ...weightedSpec,
  features: [
    { name: "x", type: "numeric", bins: 4 },
    { name: "z", type: "numeric", transform: "log1p", bins: 3 },
    { name: "c", type: "categorical" },
    { name: "d", type: "categorical", hash: 5 },
  ],
  crosses: [{ of: ["c", "d"] }, { of: ["x", "c"] }],
}, "the test's spec");

const weightedRows = makeRows(700).map((row, i) => ({
  ...row,
  x: i % 11 === 0 ? null : Number(row.x) * 100,
  z: i % 7 === 0 ? null : (i * 37) % 101,
  d: i % 13,
  weight: 1 + (i % 3) / 2,
}));

const wideSpec = specOf([
  { name: "x", type: "numeric" },
  { name: "c", type: "categorical", hash: 5000 },
  { name: "d", type: "categorical", hash: 3000 },
], { weight: true });

const settings: Readonly<Record<string, Partial<HyperParameters>>> = {
  "Newton": {},
  "Newton, no rows held out": { testShare: 0 },
  "L-BFGS": { solver: "lbfgs" },
  "l1": { penalty: "l1", C: 0.05 },
  "an elastic net": { penalty: "elasticnet", C: 0.1 },
  "no penalty": { penalty: "none", solver: "newton" },
  "classes of equal weight": { classWeight: "balanced" },
  "sampled rows": { negatives: 0.5 },
  "mini-batches": { optimizer: "sgd", epochs: 2, batchSize: 64 },
  "hidden layers": {
    optimizer: "adam",
    hidden: "4",
    epochs: 3,
    batchSize: 100,
    patience: 1,
    validationShare: 0.2,
  },
};

async function assertSameModels(
  made: TempStore,
  ownSpec: FeatureSpec,
  hyperParameters: Partial<HyperParameters>,
): Promise<void> {
  const inMemory = await trainOn(made, ownSpec, hyperParameters);
  for (const memory of [nothing, little]) {
    for (const threads of [1, 2]) {
      const { artifact } = await trainOn(made, ownSpec, hyperParameters, { ...memory, threads });
      assert.deepEqual(artifact.metadata, inMemory.artifact.metadata);
      assert.equal(artifact.id, inMemory.artifact.id);
    }
  }
}

Deno.test("spill: the model is the same if the examples fit into memory, in part or not at all", async (t) => {
  await withStore(tableOf(["who", "clicked", "weight", "x", "z", "c", "d"]), async (made) => {
    insertRows(made.store, weightedRows);
    for (const [name, hyperParameters] of Object.entries(settings)) {
      await t.step(name, async () => {
        await assertSameModels(made, weightedSpec, hyperParameters);
      });
    }
    await t.step("bins, hashed levels and crosses", async () => {
      await assertSameModels(made, curvedSpec, {});
    });
    await t.step("too many columns for a Hessian", async () => {
      await assertSameModels(made, wideSpec, {});
      const { solver } = (await trainOn(made, wideSpec)).artifact.metadata;
      assert.deepEqual([solver.name, solver.criterion], ["lbfgs", "decrease"]);
    });
    assert.deepEqual(spillFolders(made), []);
  });
});

Deno.test("spill: an update of a model is the same as in memory", () =>
  withRows(makeRows(3000), async (made) => {
    const { artifact } = await trainOn(made, spec, { testShare: 0 });
    insertRows(made.store, makeRows(2500, { seed: 2 }).map((row) => ({ ...row, id: Number(row.id) + 3000 })));
    const ids = [];
    for (const options of [{}, nothing, { ...nothing, threads: 2 }]) {
      const report = await update(made.store, modelsOf(made), artifact, { threads: 1, now: 0, ...options });
      ids.push(report.artifact.id);
    }
    assert.equal(new Set(ids).size, 1);
    assert.deepEqual(spillFolders(made), []);
  }));

Deno.test("spill: a sweep is the same as in memory", async () => {
  const standings: unknown[] = [];
  for (const options of [{}, nothing, { ...nothing, threads: 2 }]) {
    await withRows(makeRows(600), async (made) => {
      const report = await sweep(made.store, made.dataDir, modelsOf(made), {
        spec,
        paths: gridOf({ penalties: ["l2", "l1"], strengths: [0.01, 1], l1Ratios: [] }),
        hyperParameters: { ...defaultHyperParameters, classWeight: "balanced", negatives: 0.7 },
        foldCount: 3,
        gradientTolerance: 1e-7,
        oneStandardError: false,
        threads: 1,
        activate: false,
        now: 0,
        ...options,
      });
      standings.push({ leaderboard: report.leaderboard, model: report.model.modelId });
      assert.deepEqual(spillFolders(made), []);
    });
  }
  assert.deepEqual(standings[1], standings[0]);
  assert.deepEqual(standings[2], standings[0]);
});

Deno.test("spill: a training run that fails or is interrupted leaves no folder", async () => {
  const reason = new Failure("interrupted", "Interrupted: nothing is half done.");
  await withRows(makeRows(300), async (made) => {
    for (const event of ["stage", "iteration"] as const) {
      const controller = new AbortController();
      const observe = {
        [event]: () => {
          assert.equal(spillFolders(made).length, 1);
          controller.abort(reason);
        },
      };
      const options = { ...nothing, signal: controller.signal, observe, threads: 2 };
      await assert.rejects(trainOn(made, spec, {}, options), reason);
      assert.deepEqual(spillFolders(made), []);
    }
    await assertRejected(trainOn(made, spec, { iterationsMax: 1 }, nothing), "not-converged", /1 pass/);
    assert.deepEqual(spillFolders(made), []);
  });
});

Deno.test("spill: Ctrl-C interrupts between the passes of encoding and leaves no folder", () =>
  withRows(makeRows(300), async (made) => {
    const reason = new Failure("interrupted", "Interrupted: nothing is half done.");
    const controller = new AbortController();
    let read = 0;
    const observe = {
      // Like a signal: when the thread that reads and encodes yields.
      stage: () => void (++read === 1 && setTimeout(() => controller.abort(reason))),
      iteration: () => assert.fail("the fit has started"),
    };
    const options = { ...nothing, signal: controller.signal, observe };
    await assert.rejects(trainOn(made, spec, {}, options), reason);
    assert.deepEqual(spillFolders(made), []);
  }));

Deno.test("spill: a training run removes the folder of a killed one, and not that of a running one", () =>
  withRows(makeRows(100), async (made) => {
    const running = openSpillFolder(made.dataDir);
    const killed = join(made.dataDir, "spill-of-killed");
    Deno.mkdirSync(killed);
    for (const name of ["lock", "chunks-0"]) Deno.writeTextFileSync(join(killed, name), name);
    const longAgo = new Date(Date.now() - 60_000);
    for (const path of [killed, running.path]) Deno.utimeSync(path, longAgo, longAgo);
    await trainOn(made, spec, {}, nothing);
    assert.deepEqual(spillFolders(made).map((name) => join(made.dataDir, name)), [running.path]);
    running.close();
    assert.deepEqual(spillFolders(made), []);
  }));

Deno.test("spill: a folder that cannot be created is a failure that names the file, once memory is used up", () =>
  inFolder((folder) => {
    const inTheWay = join(folder, "file");
    Deno.writeTextFileSync(inTheWay, "");
    const budget = createMemoryBudget(join(inTheWay, "spill"), 1024);
    const chunkStore = createChunkStore(budget);
    assert(!isSpilled(chunkStore.put(chunkOf([1], 1))));
    assert.throws(
      () => chunkStore.put(chunkOf([2], 1)),
      (error) =>
        error instanceof Failure && error.kind === "file-unwritable" && /chunks-0/.test(error.message),
    );
    return Promise.resolve();
  }));
