import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, root, run } from "../support/program.ts";
import { upTo } from "../support/key_tables.ts";

/** Runs a command that must succeed, and returns what it prints with `--json`. */
async function done(cwd: string, args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, "--json"], { cwd });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("three tables in a folder become a model by init and train, as good as by the shipped schema and spec", () =>
  inFolder(async (cwd) => {
    const sample = join(root, "data", "sample");
    await done(cwd, ["init", sample, "--out", "mine"]);
    const own = await done(cwd, ["train", "--config", join("mine", "clickwell.json")]);
    const files = ["leads", "offers", "clicks"].flatMap((
      name,
    ) => [`--${name}`, join(sample, `${name}.parquet`)]);
    const shipped = await done(cwd, ["train", ...files]);
    assert.deepEqual(own.rows, shipped.rows);
    assert(
      own.metrics.log_loss < 1.01 * shipped.metrics.log_loss,
      `${own.metrics.log_loss}, ${shipped.metrics.log_loss}`,
    );
  }));

Deno.test("clicks and impressions become a model whose probabilities are their ratio", () =>
  inFolder(async (cwd) => {
    const rates = { A: 0.1, B: 0.4 };
    const lines = upTo(200).map((i) => {
      const [place, rate] = Object.entries(rates)[i % 2];
      const impressions = 10 * (1 + i % 20);
      return `${place},${impressions},${Math.round(impressions * rate)}`;
    });
    await Deno.writeTextFile(join(cwd, "ads.csv"), ["place,impressions,clicks", ...lines].join("\n"));
    await done(cwd, ["init", "ads.csv", "--label", "clicks/impressions", "--out", "mine"]);
    const { rows } = await done(cwd, ["train", "--config", join("mine", "clickwell.json")]);
    assert.equal(rows.train + rows.test, 400);
    await Deno.writeTextFile(join(cwd, "new.csv"), "place\nA\nB\n");
    await done(cwd, ["predict", "new.csv", "--out", "out.csv", "--data", "mine"]);
    const [, ...predicted] = (await Deno.readTextFile(join(cwd, "out.csv"))).trim().split("\n");
    const probabilities = predicted.map((line) => Number(line.split(",").at(-1)));
    Object.values(rates).forEach((rate, i) =>
      assert(Math.abs(probabilities[i] - rate) < 0.01, `${probabilities[i]}`)
    );
  }));
