import assert from "node:assert/strict";
import {
  cumulative,
  curve,
  drawBell,
  drawIndex,
  logistic,
  valueAt,
} from "../../../pipeline/generate/distribution.ts";
import { createRandom, randomFrom } from "../../../pipeline/math/random.ts";

const draws = 20_000;
const drawMany = <T>(draw: () => T): T[] => Array.from({ length: draws }, draw);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("random: bits equal the published xoshiro128** sequence", () => {
  const random = randomFrom([1, 2, 3, 4]);
  const reference = [
    11520,
    0,
    5927040,
    70819200,
    2031721883,
    1637235492,
    1287239034,
    3734860849,
    3729100597,
    4258142804,
  ];
  assert.deepEqual(reference.map(() => random.bits()), reference);
});

Deno.test("random: filling an array takes the same numbers, and leaves off where as many draws would", () => {
  const [one, other] = [createRandom(5), createRandom(5)];
  const filled = new Uint32Array(1000);
  one.fill(filled);
  assert.deepEqual([...filled], Array.from(filled, () => other.bits()));
  assert.equal(one.bits(), other.bits());
});

Deno.test("random: a seed repeats its stream, and different seeds give different streams", () => {
  const streamOf = (seed: number) => {
    const random = createRandom(seed);
    return [random.bits(), random.bits(), random.bits(), random.bits()].join();
  };
  const seeds = [0, 1, 2, 7, 2 ** 32, 2 ** 32 + 1, 2 ** 33, Number.MAX_SAFE_INTEGER];
  assert.equal(new Set(seeds.map(streamOf)).size, seeds.length);
  assert.equal(streamOf(7), streamOf(7));
});

Deno.test("random: uniform numbers are evenly distributed over [0, 1)", () => {
  const random = createRandom(1);
  const values = drawMany(random.uniform);
  assert(values.every((value) => value >= 0 && value < 1));
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = values.filter((value) => Math.floor(value * 10) === tenth).length / draws;
    assert(Math.abs(share - 0.1) < 0.01, `${share} of the draws lie in tenth ${tenth}`);
  }
});

Deno.test("random: below(n) is uniform even if n does not divide 2³²", () => {
  const random = createRandom(2);
  const bound = 3 * 2 ** 30; // a plain remainder would give the numbers below 2³⁰ twice as often
  const low = drawMany(() => random.below(bound)).filter((value) => value < 2 ** 30).length;
  assert(Math.abs(low / draws - 1 / 3) < 0.015, `${low} of ${draws} in the lowest third`);
});

Deno.test("random: normal numbers have mean 0 and standard deviation 1", () => {
  const random = createRandom(3);
  const values = drawMany(() => drawBell(random));
  assert(Math.abs(mean(values)) < 0.03);
  assert(Math.abs(mean(values.map((value) => value * value)) - 1) < 0.03);
});

Deno.test("random: an index is drawn in proportion to its weight, and never at weight 0", () => {
  const random = createRandom(4);
  const shares = cumulative([0, 3, 1, 0]);
  const counts = [0, 0, 0, 0];
  for (const index of drawMany(() => drawIndex(shares, random))) counts[index]++;
  assert.equal(counts[0] + counts[3], 0);
  assert(Math.abs(counts[1] / draws - 0.75) < 0.015);
});

Deno.test("random: a curve is linear between its points and constant outside them", () => {
  const line = curve("1:10 3:20 5:20");
  assert.deepEqual([0, 1, 2, 3, 4, 9].map((x) => valueAt(line, x)), [10, 10, 15, 20, 20, 20]);
});

Deno.test("random: the logistic function agrees with Math.exp", () => {
  for (let z = -35; z <= 35; z += 0.125) {
    const expected = 1 / (1 + Math.exp(-z));
    assert(Math.abs(logistic(z) - expected) < 1e-13, `at ${z}: ${logistic(z)}, expected ${expected}`);
  }
});
