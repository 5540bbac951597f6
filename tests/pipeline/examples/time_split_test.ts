import assert from "node:assert/strict";
import fc from "fast-check";
import {
  excludedPart,
  leftOutPart,
  testPart,
  trainPart,
  validationPart,
} from "../../../pipeline/examples/split.ts";
import {
  type ExampleSplit,
  type ExampleSplitOptions,
  splitInSteps,
} from "../../../pipeline/examples/time_split.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { runToEnd } from "../../../pipeline/runtime/steps.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { type ExampleRow, rawExamplesOf, specOf } from "../../support/example_rows.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

const spec = specOf([{ name: "x", type: "numeric" }], { time: "sent_at" });
const usual: ExampleSplitOptions = { seed: 7, testShare: 0.2, negatives: 1, split: "both" };

function splitOf(rows: readonly ExampleRow[], options: Partial<ExampleSplitOptions> = {}): ExampleSplit {
  return runToEnd(splitInSteps(rawExamplesOf(spec, rows, 7), spec, { ...usual, ...options }));
}

/** Returns the part of each row. */
function partsOf({ partition }: ExampleSplit, rows: readonly ExampleRow[]): number[] {
  return rows.map(({ who, clicked, sent_at }, i) =>
    partition.partOf(hashOf(who), Number(clicked ?? 0), i, sent_at === null ? NaN : Number(sent_at))
  );
}

const rowsOf = fc.array(
  fc.record({
    who: fc.nat(30).map((i) => `who-${i}`),
    clicked: fc.constantFrom(0, 1),
    sent_at: fc.option(fc.nat(200), { freq: 20 }),
  }),
  { minLength: 20, maxLength: 120 },
);
const shares = fc.record({
  testShare: fc.constantFrom(0, 0.1, 0.2, 0.5),
  validationShare: fc.constantFrom(0, 0.25),
  matureSeconds: fc.option(fc.constantFrom(1e-5, 4e-5), { nil: undefined }),
});

/** Returns the split, or undefined if it leaves no row to train on. */
function attempt(
  rows: readonly ExampleRow[],
  options: Partial<ExampleSplitOptions>,
): ExampleSplit | undefined {
  try {
    return splitOf(rows, options);
  } catch (error) {
    assert(error instanceof Error && /no row|same sent_at|younger than/i.test(error.message), String(error));
    return undefined;
  }
}

for (const split of ["time", "both"] as const) {
  Deno.test(`time split, ${split}: training comes before validation, and that before the held-out rows`, () => {
    fc.assert(
      fc.property(rowsOf, shares, (rows, options) => {
        const found = attempt(rows, { split, ...options });
        if (!found) return;
        const parts = partsOf(found, rows);
        const timesOf = (part: number) =>
          rows.flatMap(({ sent_at }, i) => parts[i] === part && sent_at !== null ? [sent_at] : []);
        const before = (a: number, b: number) =>
          assert(Math.max(...timesOf(a)) < Math.min(...timesOf(b)), `part ${a} before part ${b}`);
        before(trainPart, validationPart);
        before(validationPart, testPart);
        before(trainPart, testPart);
        assert.equal(timesOf(testPart).length > 0, options.testShare > 0);
        const newest = Math.max(...rows.map(({ sent_at }) => sent_at ?? -1));
        const isYoung = (time: number | null) =>
          options.matureSeconds !== undefined && time !== null && time > newest - 1e6 * options.matureSeconds;
        const { excluded } = found;
        assert.equal(excluded.noTime ?? 0, rows.filter(({ sent_at }) => sent_at === null).length);
        assert.equal(excluded.immature ?? 0, rows.filter(({ sent_at }) => isYoung(sent_at)).length);
        const reasons = rows.map(({ sent_at }) => sent_at === null || isYoung(sent_at));
        rows.forEach((_, i) => {
          if (reasons[i] || split === "time") assert.equal(parts[i] === excludedPart, reasons[i]);
        });
        const straddling = parts.filter((part, i) => part === excludedPart && !reasons[i]).length;
        assert.equal(excluded.straddling, split === "both" ? straddling : undefined);
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("time split, both: a group is in one part, and a row leaves only if its group is in a later one", () => {
  fc.assert(
    fc.property(rowsOf, shares, (rows, options) => {
      const found = attempt(rows, options);
      if (!found) return;
      const parts = partsOf(found, rows);
      const { matureUntil = Infinity } = found.times ?? {};
      const groups = Map.groupBy(rows.keys(), (i) => rows[i].who);
      for (const own of groups.values()) {
        const used = [...new Set(own.map((i) => parts[i]).filter((part) => part !== excludedPart))];
        assert(used.length <= 1, `parts ${used.join(" and ")} have rows of one group`);
        const usable = own.filter((i) => (rows[i].sent_at ?? NaN) <= matureUntil);
        const last = usable.toSorted((a, b) => Number(rows[a].sent_at) - Number(rows[b].sent_at)).at(-1);
        if (last !== undefined) assert.notEqual(parts[last], excludedPart, "the group's last row is used");
      }
    }),
    { numRuns: 300 },
  );
});

const weeks = Array.from({ length: 100 }, (_, i): ExampleRow => ({
  who: `who-${i % 50}`,
  clicked: i % 3 === 0 ? 1 : 0,
  sent_at: 10 * i,
}));

Deno.test("time split: time keeps rows of held-out groups and counts them, both leaves them out", () => {
  const byTime = splitOf(weeks, { split: "time" });
  assert.deepEqual(byTime.excluded, {});
  assert.deepEqual(byTime.times, { newest: 990, heldOutFrom: 800, earlierRows: 80, straddlingRows: 20 });
  const both = splitOf(weeks);
  assert.deepEqual(both.excluded, { straddling: 20 });
  assert.equal(partsOf(both, weeks).filter((part) => part === trainPart).length, 60);
});

Deno.test("time split: training rows without a click are sampled, held-out ones are not", () => {
  const parts = partsOf(splitOf(weeks, { split: "time", negatives: 0.5 }), weeks);
  const count = (part: number) => parts.filter((own) => own === part).length;
  assert.equal(count(testPart), 20);
  assert(count(leftOutPart) > 10);
  weeks.forEach(({ clicked }, i) => assert(parts[i] !== leftOutPart || clicked === 0));
});

Deno.test("time split: a window of maturity leaves out young rows of any label, and works with a split by group", () => {
  const split = splitOf(weeks, { split: undefined, matureSeconds: 1e-4 });
  assert.deepEqual(split.excluded, { immature: 10 });
  const parts = partsOf(split, weeks);
  assert.deepEqual(parts.map((part) => part === excludedPart), weeks.map((_, i) => i >= 90));
  assert(parts.includes(testPart) && parts.includes(trainPart));
});

Deno.test("time split: the time is not the label", () => {
  assertFailure(
    () => specOf([{ name: "x", type: "numeric" }], { time: "clicked" }),
    "spec-invalid",
    /has the label "clicked" as its time: name the column of the time/,
  );
});

Deno.test("time split: a spec without a time, and rows that cannot be split, are failures with what to do", () => {
  const timeless = specOf([{ name: "x", type: "numeric" }]);
  const split = (rows: readonly ExampleRow[], options = {}) => () => void splitOf(rows, options);
  assertFailure(
    () => void runToEnd(splitInSteps(rawExamplesOf(timeless, weeks), timeless, usual)),
    "usage-invalid",
    /--split both needs the time of each row: name its column in the feature spec/,
  );
  assertFailure(
    split(weeks.map((row) => ({ ...row, sent_at: 5 }))),
    "examples-invalid",
    /All 100 rows have the same sent_at: none can be held out by time\. Use --split group/,
  );
  assertFailure(
    split(weeks.map((row) => ({ ...row, sent_at: null }))),
    "examples-invalid",
    /None of the 100 rows has a sent_at/,
  );
  assertFailure(
    split(weeks.map((row, i) => ({ ...row, who: `who-${i % 5}` }))),
    "examples-invalid",
    /Each of the 80 rows before the held-out time is of a group \(who\) that reaches into it.*--split time/,
  );
  assertFailure(
    split(weeks.map(({ sent_at, ...row }) => ({ ...row, sent_at: 1.7e15 + Number(sent_at) })), {
      matureSeconds: 86_400,
    }),
    "examples-invalid",
    /Each of the 100 rows is younger than --mature, counted from the newest sent_at, 2023-11-14T22:13:20Z/,
  );
});
