import assert from "node:assert/strict";
import fc from "fast-check";
import { createGroupTable } from "../../../pipeline/examples/group_table.ts";
import { createTimeCutSearch } from "../../../pipeline/examples/time_cut.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

function cutOf(times: readonly number[], share: number): number | undefined {
  const search = createTimeCutSearch(share);
  let passes = 0;
  do {
    assert(++passes <= 40, "the search ends");
    for (const time of times) search.add(time);
  } while (search.endWalk());
  return search.cut();
}

/** The rule, by trying each time but the first: the closest to the share, and of two the later one. */
function expectedCut(times: readonly number[], share: number): number | undefined {
  const distinct = [...new Set(times)].sort((a, b) => b - a).slice(0, -1);
  const distanceOf = (cut: number) =>
    Math.abs(times.filter((time) => time >= cut).length - share * times.length);
  return distinct.reduce<number | undefined>(
    (best, cut) => best === undefined || distanceOf(cut) < distanceOf(best) ? cut : best,
    undefined,
  );
}

const micros = fc.integer({ min: 0, max: 2 ** 40 }).map((value) => 1.7e15 + value);
const time = fc.oneof(
  micros,
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-Number.MAX_VALUE, Number.MAX_VALUE, 5e-324, 0),
);

Deno.test("time cut: the held-out rows are as close to the share as equal times allow, and never all", () => {
  const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  for (const values of [time, micros, fc.integer({ min: 0, max: 9 })]) {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 60 }), share, (times, share) => {
        assert.equal(cutOf(times, share), expectedCut(times, share));
      }),
      { numRuns: 150 },
    );
  }
});

Deno.test("time cut: equal times are on one side, and of two equally close cuts it is the later one", () => {
  const days = Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
  assert.equal(cutOf(days, 0.2), 8);
  assert.equal(cutOf(days, 0.25), 8, "20 rows and 30 are as close to 25");
  assert.equal(cutOf(days, 0.26), 7);
  assert.equal(cutOf(days, 0.001), 9, "at least the last time");
  assert.equal(cutOf(days, 0.999), 1, "never the first one");
  assert.equal(cutOf([5, 5, 5], 0.2), undefined);
  assert.equal(cutOf([], 0.2), undefined);
});

Deno.test("group table: it has the greatest stage of each group, whatever the order", () => {
  const raised = fc.record({ group: fc.nat(2 ** 32 - 1), stage: fc.integer({ min: 1, max: 255 }) });
  const crowded = fc.record({
    // Neighbouring slots, and hashes that differ in their high bits only.
    group: fc.nat(40).map((i) => (i % 5) * 2 ** 20 + Math.floor(i / 5)),
    stage: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(raised, crowded), { maxLength: 2_000, size: "max" }), (rows) => {
      const table = createGroupTable();
      const expected = new Map<number, number>();
      for (const { group, stage } of rows) {
        table.raise(group, stage);
        expected.set(group, Math.max(stage, expected.get(group) ?? 0));
      }
      for (const [group, stage] of expected) assert.equal(table.stageOf(group), stage);
      for (const group of [0, 1, 77, 2 ** 32 - 1]) {
        assert.equal(table.stageOf(group), expected.get(group) ?? 0);
      }
    }),
    { numRuns: 40 },
  );
});
