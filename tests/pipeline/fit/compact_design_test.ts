import assert from "node:assert/strict";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { compactDesign } from "../../../pipeline/fit/compact_design.ts";
import { fit, fitPasses } from "../../../pipeline/fit/fit.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import type { SolverOptions } from "../../../pipeline/fit/penalised.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { startThreads, type Threads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { alone, encodeRows, specOf } from "../../support/example_rows.ts";

const fields = 4;

/** Rows of a number and of skewed levels, hashed to that many columns a field; a fifth of the rows are held out. */
function hashedDesign(hash: number, { weight = false }: { weight?: boolean } = {}): DesignMatrix {
  const random = createRandom(11);
  const names = Array.from({ length: fields }, (_, j) => `level_${j}`);
  const rows = Array.from({ length: 4000 }, () => {
    const levels = names.map(() => Math.floor(2500 * random.uniform() ** 2));
    const number = 2 * random.uniform() - 1;
    const logit = number - 1 + levels.reduce((sum, level) => sum + (level % 7 - 3) / 4, 0);
    const clicked = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    const row = Object.fromEntries(names.map((name, j) => [name, `l${levels[j]}`]));
    return { ...row, number, clicked, weight: 0.5 + random.uniform() };
  });
  const spec = specOf([
    { name: "number", type: "numeric" },
    ...names.map((name) => ({ name, type: "categorical", hash })),
  ], { weight });
  const partition = { partCount: 3, partOf: (at: number) => at % 5 === 0 ? 1 : 0 };
  return encodeRows(spec, rows, { chunkRows: 250, partition }).design;
}

/** Returns the columns that are in no cell. */
function emptyColumns({ columnCount, numericColumns, groups }: DesignMatrix): number[] {
  const used = new Set([...numericColumns, ...groups.flatMap(({ columns }) => [...columns])]);
  return Array.from({ length: columnCount }, (_, column) => column).filter((column) => !used.has(column));
}

type Options = SolverOptions & { readonly solver: "auto" };
const options: Options = {
  solver: "auto",
  penalty: { l2: 1, l1: 0 },
  gradientTolerance: 1e-9,
  iterationsMax: 300,
};

async function requireSame(design: DesignMatrix, options: Options, threads: Threads = alone) {
  assert(compactDesign(design), "the design is not compacted, and the test compares nothing");
  const fitted = await fit(design, [0], threads, options);
  const all = await fitPasses(await createPasses(design, [0], alone), options);
  assert.equal(fitted.solver, "lbfgs");
  assert.deepEqual(fitted, all);
  for (const column of emptyColumns(design)) assert.equal(fitted.coefficients[column], 0);
  return fitted;
}

const design = hashedDesign(4096);

Deno.test("compact design: it has the columns of the cells, in their order", () => {
  const compact = compactDesign(design);
  assert(compact);
  const { columns: { columns }, design: { columnCount, numericColumns, groups } } = compact;
  const empty = emptyColumns(design);
  assert.equal(columnCount, design.columnCount - empty.length);
  assert.deepEqual([...columns, ...empty].sort((a, b) => a - b), [...Array(design.columnCount + 1).keys()]);
  assert.deepEqual(numericColumns.map((place) => columns[place]), design.numericColumns);
  groups.forEach((group, g) => {
    const named = group.columns.map((place) => place < 0 ? -1 : columns[place]);
    assert.deepEqual([...named], [...design.groups[g].columns]);
  });
});

Deno.test("compact design: there is none if most columns have rows, or if few would remain", () => {
  assert.equal(compactDesign(hashedDesign(1024)), undefined);
  const [group, ...others] = design.groups;
  assert.equal(compactDesign({ ...design, groups: [group] }), undefined, `without ${others.length} groups`);
});

Deno.test("compact design: a fit finds the same bits in the same passes, and 0 for columns without rows", async () => {
  const first = await requireSame(design, options);
  const threads = startThreads(3, trainWorkerUrl());
  try {
    await requireSame(design, options, threads);
  } finally {
    threads.close();
  }
  // From the optimum of another strength, and with columns that stay at 0.
  const penalty = { l2: 0.3, l1: 0 };
  const warm = await requireSame(design, { ...options, penalty, start: first.coefficients });
  assert.notDeepEqual(warm.coefficients, first.coefficients);
  const fixedAtZero = [...first.coefficients.keys()].filter((column) => column % 3 === 1);
  const { coefficients } = await requireSame(design, { ...options, fixedAtZero });
  for (const column of fixedAtZero) {
    if (column < design.columnCount) assert.equal(coefficients[column], 0);
  }
});

Deno.test("compact design: rows with weights are fitted to the same bits", async () => {
  const weighted = await requireSame(hashedDesign(4096, { weight: true }), options);
  const { coefficients } = await fit(design, [0], alone, options);
  assert.notDeepEqual(weighted.coefficients, coefficients);
});

Deno.test("compact design: columns without rows return to 0 where a warm start has other coefficients", async () => {
  const { coefficients } = await fit(design, [0], alone, options);
  const start = coefficients.map((value, column) => column < design.columnCount ? value + 0.1 : value);
  const fitted = await fit(design, [0], alone, { ...options, start });
  for (const column of emptyColumns(design)) assert.equal(fitted.coefficients[column], 0);
  fitted.coefficients.forEach((value, column) => assert(Math.abs(value - coefficients[column]) < 1e-4));
});

Deno.test("compact design: penalties that need a Hessian count all columns, with rows or without", async () => {
  for (const penalty of [{ l2: 0, l1: 1 }, { l2: 0, l1: 0 }]) {
    await assert.rejects(
      fit(design, [0], alone, { ...options, penalty }),
      ({ kind, message }) => kind === "usage-invalid" && message.includes(`${design.columnCount} columns`),
    );
  }
});
