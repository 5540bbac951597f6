import assert from "node:assert/strict";
import { inTurns, median, ratios, seriesOf } from "./measure.ts";

/** A side that records when it ran, and counts its runs. */
function noting(name: string, notes: string[]) {
  let runs = 0;
  return {
    name,
    run() {
      notes.push(name);
      return Promise.resolve({ seconds: ++runs });
    },
  };
}

Deno.test("sides run in alternation, and each round begins with a different side", async () => {
  const notes: string[] = [];
  await inTurns([noting("a", notes), noting("b", notes), noting("c", notes)], { rounds: 3, warmups: 0 });
  assert.deepEqual(notes.join(""), "abc" + "bca" + "cab");
});

Deno.test("samples come in the order of the sides, without those of the warm-up", async () => {
  const notes: string[] = [];
  const measured = await inTurns([noting("a", notes), noting("b", notes)], { rounds: 2, warmups: 1 });
  assert.deepEqual(measured, [
    { name: "a", samples: [{ seconds: 2 }, { seconds: 3 }] },
    { name: "b", samples: [{ seconds: 2 }, { seconds: 3 }] },
  ]);
});

Deno.test("a metric that a sample lacks is named with its side", () => {
  assert.deepEqual(seriesOf({ name: "a", samples: [{ p50: 4 }] }, "p50"), { name: "a", values: [4] });
  assert.throws(() => seriesOf({ name: "glum", samples: [{ p50: 4 }] }, "seconds"), /glum has no seconds/);
});

Deno.test("the median is the middle value, or the mean of the middle two", () => {
  assert.equal(median([10, 9, 2]), 9);
  assert.equal(median([10, 9, 2, 100]), 9.5);
  assert.throws(() => median([]), /at least one round/);
});

Deno.test("a ratio is how many times better ours is, by round", () => {
  const [ours, peer] = [{ name: "ours", values: [1, 2] }, { name: "peer", values: [4, 1] }];
  assert.deepEqual(ratios(ours, peer, "less"), [4, 0.5]);
  assert.deepEqual(ratios(ours, peer, "more"), [0.25, 2]);
  assert.throws(() => ratios(ours, { name: "peer", values: [1] }, "less"), /expected pairs/);
});
