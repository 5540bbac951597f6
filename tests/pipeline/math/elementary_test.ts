import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { exp, log, log1p } from "../../../pipeline/math/elementary.ts";
import { createRandom } from "../../../pipeline/math/random.ts";

/** Returns the distance of two numbers of the same sign in units in the last place. */
function ulpsBetween(a: number, b: number): number {
  const bits = new BigInt64Array(Float64Array.of(a, b).buffer);
  return Math.abs(Number(bits[0] - bits[1]));
}

function draw(seed: number, count: number, of: (uniform: number) => number): Float64Array<ArrayBuffer> {
  const random = createRandom(seed);
  return Float64Array.from({ length: count }, () => of(random.uniform()));
}

Deno.test("elementary: exp, log and log1p are within 2 units in the last place of V8's", () => {
  const cases = [
    { own: exp, engine: Math.exp, xs: draw(1, 20_000, (u) => 1_400 * u - 700) },
    { own: exp, engine: Math.exp, xs: draw(2, 20_000, (u) => 2 * u - 1) },
    { own: exp, engine: Math.exp, xs: draw(3, 2_000, (u) => -708 - 37 * u) },
    { own: log, engine: Math.log, xs: draw(4, 20_000, (u) => 2 * u) },
    { own: log, engine: Math.log, xs: draw(5, 20_000, (u) => 10 ** (600 * u - 300)) },
    { own: log1p, engine: Math.log1p, xs: draw(6, 20_000, (u) => u * 1_000) },
    { own: log1p, engine: Math.log1p, xs: draw(7, 20_000, (u) => 10 ** (-20 * u)) },
    { own: log1p, engine: Math.log1p, xs: draw(8, 20_000, (u) => -u) },
  ];
  for (const { own, engine, xs } of cases) {
    for (const x of xs) {
      assert(ulpsBetween(own(x), engine(x)) <= 2, `${own.name}(${x}) is ${own(x)}, not ${engine(x)}`);
    }
  }
});

Deno.test("elementary: results are bit-identical on every machine and V8 version", () => {
  const hash = createHash("sha256");
  for (
    const results of [
      draw(1, 50_000, (u) => exp(1_500 * u - 750)),
      draw(2, 50_000, (u) => log(3 * u)),
      draw(3, 50_000, (u) => log1p(u)),
      draw(4, 50_000, (u) => log1p(1e6 * u)),
    ]
  ) hash.update(new Uint8Array(results.buffer));
  assert.equal(hash.digest("hex"), "650a152608e190d58240bea6edda19d3603a3c65f69c1106886f132b97679cc1");
});

Deno.test("elementary: limits and special values equal V8's", () => {
  for (const x of [0, -0, Infinity, -Infinity, NaN, 710, -746, 709.78, -745.13, 5e-324]) {
    assert.equal(exp(x), Math.exp(x), `exp(${x})`);
  }
  for (const x of [1, 0, -0, Infinity, -Infinity, NaN, -1, 5e-324, 1e-310]) {
    assert.equal(log(x), Math.log(x), `log(${x})`);
    assert.equal(log1p(x), Math.log1p(x), `log1p(${x})`);
  }
});
