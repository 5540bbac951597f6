import assert from "node:assert/strict";
import { createBench } from "./bench.ts";
import { ChildFailed } from "./child.ts";
import { type Entrant, holdContest } from "./contest.ts";

const bench = createBench(
  { offers: 1, rounds: 2, isLarge: false, clickwell: ["clickwell"], denoVersion: "0.0.0", say: () => {} },
  "/nowhere",
  new Set(),
);
const rules = { loss: 1, lossTolerance: 0.01, rounds: 2 };

/** Its loss at each setting; NaN if it fails. Takes its setting in seconds. */
function entrant(
  name: string,
  losses: Readonly<Record<number, number>>,
): Entrant & { readonly tried: number[] } {
  const tried: number[] = [];
  return {
    name,
    tried,
    setting: "passes",
    settings: Object.keys(losses).map(Number),
    fit(setting) {
      tried.push(setting);
      if (Number.isNaN(losses[setting])) throw new ChildFailed(1, "did not converge");
      return Promise.resolve({
        sample: { seconds: setting },
        loss: () => Promise.resolve(losses[setting]),
        remark: "as usual",
      });
    },
  };
}

Deno.test("each entrant is measured at the least effort that reaches the loss", async () => {
  const [ours, peer] = [entrant("ours", { 1: 1.5, 2: 1.001 }), entrant("peer", { 1: 2, 4: 1.005, 8: 1 })];
  const { measured, checks, notes } = await holdContest(bench, [ours, peer], rules);
  assert.deepEqual(measured, [
    { name: "ours", samples: [{ seconds: 2 }, { seconds: 2 }] },
    { name: "peer", samples: [{ seconds: 4 }, { seconds: 4 }] },
  ]);
  assert.deepEqual(checks.map(({ holds }) => holds), [true, true]);
  assert.deepEqual(notes, []);
});

Deno.test("a peer that does not reach the loss is left out, with how near it came", async () => {
  const [ours, peer] = [entrant("ours", { 1: 1 }), entrant("peer", { 1: 1.5, 2: 1.1, 4: 1.3 })];
  const { measured, notes } = await holdContest(bench, [ours, peer], rules);
  assert.deepEqual(measured.map(({ name }) => name), ["ours"]);
  assert.deepEqual(notes, ["peer does not reach the loss: at best 1.0e-1 above it, by passes 2 in 2 s."]);
});

Deno.test("a peer that fails is not run with more effort", async () => {
  const [ours, peer] = [entrant("ours", { 1: 1 }), entrant("peer", { 1: NaN, 2: 1 })];
  const { notes } = await holdContest(bench, [ours, peer], rules);
  assert.deepEqual(peer.tried, [1]);
  assert.deepEqual(notes, ["peer does not reach the loss in time."]);
});

Deno.test("a contest without ours is an error", async () => {
  const [ours, peer] = [entrant("ours", { 1: 2 }), entrant("peer", { 1: 1 })];
  await assert.rejects(holdContest(bench, [ours, peer], rules), /ours does not reach its own loss/);
});

Deno.test("a peer that goes below the loss shows that ours is not at the optimum", async () => {
  const [ours, peer] = [entrant("ours", { 1: 1 }), entrant("peer", { 1: 0.9 })];
  const { checks } = await holdContest(bench, [ours, peer], rules);
  assert.deepEqual(checks.map(({ holds }) => holds), [false, true]);
});
