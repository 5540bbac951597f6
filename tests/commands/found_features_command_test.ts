import assert from "node:assert/strict";
import { join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { inFolder, type Outcome, run } from "../support/program.ts";

/** A table whose label depends on a step of x that is in another direction for each plan. */
function csv(rowCount: number): string {
  const random = createRandom(3);
  const lines = Array.from({ length: rowCount }, (_, id) => {
    const x = random.below(200) / 10;
    const plan = ["free", "basic", "full"][random.below(3)];
    const logit = (x > 10 ? 2 : -2) * (plan === "free" ? 1 : -1);
    const opened = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    return `${id},u${Math.floor(id / 3)},${x},${plan},${opened}`;
  });
  return ["mail_id,user_id,x,plan,opened", ...lines, ""].join("\n");
}

type Program = (...words: string[]) => Promise<Outcome>;

function withProgram(test: (clickwell: Program, folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mails.csv"), csv(1_500));
    await test((...words) => run([...words, "--data", join(folder, "data")]), folder);
  });
}

function resultOf({ code, stdout, stderr }: Outcome): Record<string, unknown> {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("clickwell train FILE --features auto: finds tables, repeats them, makes them by the spec, shows, compares and exports them", () =>
  withProgram(async (clickwell, folder) => {
    const auto = ["--features", "auto", "--time-budget", "10m"];
    const files = [join(folder, "mails.csv"), "--label", "opened", "--group", "user_id"];
    const trained = await clickwell("train", ...files, ...auto);
    assert.equal(trained.code, 0, trained.stderr);
    for (
      const expected of [
        /curves +4 leaves +sorted splits .* out-of-fold log loss 0\./,
        /found \d curves and 1 tables of two features: out-of-fold log loss 0\.\d+, \d+\.\d % better than the plain spec \(0\./,
        /tables: (x × plan|plan × x) \d\.\d\d \(standard deviation in log-odds\)/,
        /next: make the same tables of newer rows, without a search/,
      ]
    ) assert.match(trained.stderr, expected);

    const spec = join(folder, "data", "features.json");
    const drawn = resultOf(
      await clickwell("train", "--spec", spec, "--features", "auto", "--intervals", "bootstrap", "--json"),
    );
    assert.equal(drawn.version, 2);
    assert.match((await clickwell("train", "--repeat", "2")).stderr, /every byte agrees/);
    const withErrors = await clickwell("models", "show", "2");
    assert.match(
      withErrors.stderr + withErrors.stdout,
      /table of (x × plan|plan × x) \(\d+ × \d+\), coefficient \d\.\d{3} ± 0\.\d{3}/,
    );
    const continued = await clickwell("train", "--from", "2");
    assert.match(continued.stderr, /is a model of curves and tables, which new rows alone cannot continue/);

    const again = resultOf(await clickwell("train", "--spec", spec, ...auto, "--json"));
    assert.equal(again.version, 1);
    const search = again.search as Record<string, unknown>;
    assert.deepEqual(Object.keys(search), [
      "taken",
      "out_of_fold",
      "stages",
      "ended_by_time_budget",
      "tables",
      "left_out",
    ]);
    assert.equal(search.taken, "tables");

    const repeated = await clickwell("train", "--repeat", "1");
    assert.match(repeated.stderr, /every byte agrees/);
    const found = join(folder, "found.json");
    await Deno.writeTextFile(found, (await clickwell("models", "show", "1", "--spec")).stdout);
    const bySpec = resultOf(await clickwell("train", "--spec", found, "--json"));
    assert.equal(bySpec.model_id, again.model_id);

    const shown = await clickwell("models", "show", "1");
    assert.match(shown.stderr + shown.stdout, /curves and tables, and what they add to the log-odds/);
    assert.match(
      shown.stderr + shown.stdout,
      /-\d\.\d{3} to +\d\.\d{3} {2}table of (x × plan|plan × x) \(\d+ × \d+\)/,
    );
    const list = await clickwell("models", "list");
    assert.match(list.stderr + list.stdout, /found features/);

    const plain = resultOf(await clickwell("train", "--spec", spec, "--json"));
    assert.equal(plain.version, 3);
    const compared = resultOf(await clickwell("models", "compare", "1", "3", "--json"));
    const logLoss = (compared.metrics as Record<string, { difference: number }>).log_loss;
    assert.ok(logLoss.difference > 0.05, "the plain model is worse");

    const exported = join(folder, "exported");
    resultOf(await clickwell("models", "export", "1", exported, "--json"));
    for (const name of ["score.js", "score.sqlite.sql", "score.duckdb.sql"]) {
      assert.match(await Deno.readTextFile(join(exported, name)), /found|tables|clickwell_key_0/);
    }
    const evaluated = resultOf(await clickwell("evaluate", "1", "--json"));
    const metrics = evaluated.metrics as Record<string, { value: number }>;
    const own = (again.metrics as Record<string, number>).log_loss;
    assert.ok(Math.abs(metrics.log_loss.value - own) < 1e-9);
  }));

Deno.test("clickwell sweep --features auto: compares tables with the best strength, and does not search again", () =>
  withProgram(async (clickwell, folder) => {
    resultOf(
      await clickwell(
        "train",
        join(folder, "mails.csv"),
        "--label",
        "opened",
        "--group",
        "user_id",
        "--json",
      ),
    );
    const words = [
      "sweep",
      "--spec",
      join(folder, "data", "features.json"),
      "--features",
      "auto",
      "--strengths",
      "3",
    ];
    const swept = resultOf(await clickwell(...words, "--folds", "3", "--json"));
    assert.equal((swept.search as Record<string, unknown>).taken, "tables");
    const { stderr } = await clickwell(...words, "--folds", "3");
    assert.match(stderr, /All 3 candidates were tried before/);
    assert.doesNotMatch(stderr, /leaves {2}/);
    assert.match(stderr, /curves and tables, trained on all training rows/);
    assert.match(stderr, new RegExp(`model ${swept.model_id}`));
  }));

Deno.test("clickwell train --features auto: flags of other fits are refused by name", () =>
  withProgram(async (clickwell) => {
    const cases: readonly [words: string[], message: RegExp][] = [
      [["--penalty", "l1"], /--penalty is not for --features auto/],
      [["--C", "2"], /--C is not for --features auto/],
      [["--solver", "lbfgs"], /--solver is not for --features auto/],
      [["--hidden", "8"], /--hidden is not for --features auto/],
      [["--from", "1"], /--from is not for --features auto/],
      [["--intervals", "robust"], /--intervals robust is not for --features auto/],
      [["--intervals", "hessian"], /which have those of --intervals bootstrap, or none/],
      [["--time-budget", "soon"], /--time-budget is "soon", expected a duration such as 90s, 5m or 1h/],
    ];
    for (const [words, message] of cases) {
      const { code, stderr } = await clickwell("train", "--features", "auto", ...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    const { code, stderr } = await clickwell("train", "--time-budget", "10s");
    assert.equal(code, 2);
    assert.match(stderr, /--time-budget ends a search: add --features auto/);
    for (const command of ["train", "sweep"]) {
      const refused = await clickwell(command, "--intervals", "bootstrap");
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /--intervals bootstrap is for curves and tables: add --features auto/);
    }
  }));
