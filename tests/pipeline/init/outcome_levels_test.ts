import assert from "node:assert/strict";
import { join } from "node:path";
import { levelEffect, payingCount } from "../../../pipeline/init/outcome_levels.ts";
import { profileFile } from "../../../pipeline/init/profile.ts";
import { propose } from "../../../pipeline/init/propose.ts";
import type { Proposal } from "../../../pipeline/init/proposal.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { inFolder } from "../../support/program.ts";

/** Rows of levels whose log-odds have a standard deviation, as codes and labels. */
function drawn({ rows, levels, deviation }: { rows: number; levels: number; deviation: number }) {
  const random = createRandom(4);
  const gauss = () => Array.from({ length: 12 }, random.uniform).reduce((sum, value) => sum + value, -6);
  const effects = Array.from({ length: levels }, () => deviation * gauss());
  const codes = Int32Array.from({ length: rows }, () => random.below(levels));
  const labels = Uint8Array.from(
    codes,
    (code) => random.uniform() < 1 / (1 + Math.exp(1 - effects[code])) ? 1 : 0,
  );
  return { codes, labels };
}

Deno.test("init: the effect of levels is estimated from rows that share one, however few they are", () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `t${i}`);
  const effectOf = (deviation: number) => {
    const { codes, labels } = drawn({ rows: 40_000, levels: texts.length, deviation });
    return levelEffect({ is: "texts", texts, codes }, labels);
  };
  const [none, some] = [effectOf(0), effectOf(1)];
  assert(Math.abs(none.z) < 3, `${none.z}`);
  assert.equal(payingCount(none), undefined);
  // The estimate is on the scale of probabilities, where a logistic curve is flatter away from its middle.
  assert(some.variance > 0.6 && some.variance < 1.2, `${some.variance}`);
  assert.equal(payingCount(some), 1);
  assert.equal(payingCount({ variance: 0.25, z: 9, noise: 0.2 }), 10);
});

Deno.test("init: a missing value and a row without a label count for no level", () => {
  const [codes, labels] = [Int32Array.of(0, 0, -1, 1, 1, 0), Uint8Array.of(1, 1, 1, 0, 0, 2)];
  const numbers = Float64Array.from(codes, (code) => code < 0 ? NaN : code);
  const effect = levelEffect({ is: "texts", texts: ["a", "b"], codes }, labels);
  assert.deepEqual(levelEffect({ is: "numbers", numbers }, labels), effect);
  assert.deepEqual({ ...effect, z: 0 }, { variance: 4, z: 0, noise: 0.25 });
  assert(Math.abs(effect.z - Math.SQRT2) < 1e-12);
});

async function proposed(deviation: number): Promise<Proposal> {
  const found: Proposal[] = [];
  await inFolder(async (folder) => {
    const path = join(folder, "views.csv");
    const { codes, labels } = drawn({ rows: 30_000, levels: 30_000, deviation });
    const lines = Array.from(codes, (code, i) => `${i},p${code},${(i * 7_919) % 101},${labels[i]}\n`);
    await Deno.writeTextFile(path, `view_id,page,seconds,clicked\n${lines.join("")}`);
    found.push(propose(await profileFile(path)));
  });
  return found[0];
}

Deno.test("init: a field of very many levels is a feature if they tell the outcome, else left out", async () => {
  const { features } = await proposed(1.5);
  assert.deepEqual(features, [{ name: "seconds", type: "numeric" }, { name: "page", type: "categorical" }]);
  const { leftOut } = await proposed(0);
  assert.deepEqual(leftOut.map(({ column, why }) => [column, why]), [
    ["page", "it is like an id: fewer than 2 rows have the same value"],
  ]);
});
