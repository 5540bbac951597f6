import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import { drawCandidates, gridOf, type Path, spacedStrengths } from "../../../pipeline/sweep/grid.ts";
import { chooseBest, leaderboardOf, type Outcome, summaryOf } from "../../../pipeline/sweep/leaderboard.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import type { Models } from "../../../pipeline/model/registry.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { defaultSpec } from "../../../pipeline/examples/spec.ts";
import { openStore, type Store } from "../../../pipeline/store/store.ts";
import { sweep, type SweepOptions } from "../../../pipeline/sweep/sweep.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { train } from "../../../pipeline/train/train.ts";
import { inFolder, run } from "../../support/program.ts";

const leadCount = 400;

/** Makes a store of 400 leads with three offers each, where clicks depend on rate and credit. */
function makeStore(folder: string): Store {
  const store = openStore(folder, { mode: "create" });
  const random = createRandom(4);
  const lead = store.db.prepare("INSERT INTO leads VALUES (?, ?, ?, ?, ?)");
  const offer = store.db.prepare("INSERT INTO offers VALUES (?, ?, ?, ?)");
  const click = store.db.prepare("INSERT INTO clicks VALUES (?, 0)");
  store.db.exec("BEGIN");
  for (let l = 0; l < leadCount; l++) {
    const credit = ["poor", "fair", "good"][random.below(3)];
    lead.run(`lead-${l}`, 1000 + random.below(9000), "other", credit, 20_000 + random.below(80_000));
    for (let o = 3 * l; o < 3 * l + 3; o++) {
      const apr = 5 + 20 * random.uniform();
      offer.run(o, `lead-${l}`, apr, random.below(4));
      const logit = -0.7 - 0.12 * (apr - 5) + (credit === "good" ? 0.8 : 0);
      if (random.uniform() < 1 / (1 + Math.exp(-logit))) click.run(o);
    }
  }
  store.db.exec("COMMIT");
  return store;
}

const paths = gridOf({
  penalties: ["l2", "l1"],
  strengths: [0.003, 0.03, 0.3, 3],
  l1Ratios: [],
});

function optionsOf(options: Partial<SweepOptions> = {}): SweepOptions {
  return {
    spec: defaultSpec(),
    paths,
    hyperParameters: defaultHyperParameters,
    foldCount: 4,
    gradientTolerance: 1e-7,
    oneStandardError: false,
    threads: 1,
    activate: false,
    now: 1_700_000_000_000_000,
    ...options,
  };
}

async function inStore(test: (store: Store, data: string, models: Models) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const store = makeStore(folder);
    try {
      await test(store, folder, {
        artifacts: createFolderStore(join(folder, "models")),
        registry: openRegistry(folder),
      });
    } finally {
      store.close();
    }
  });
}

/** Returns the content of a sweep's file of results. */
function journalOf(data: string): string {
  const [file, ...others] = [...Deno.readDirSync(join(data, "sweeps"))];
  assert.deepEqual(others, []);
  return Deno.readTextFileSync(join(data, "sweeps", file.name));
}

Deno.test("grid: it has every combination, each path from the strongest penalty to the weakest", () => {
  const space = { strengths: [1, 0.1, 1], l1Ratios: [0.5, 0.2] };
  assert.deepEqual(gridOf({ ...space, penalties: ["elasticnet", "l2"] }), [
    [{ penalty: "l2", C: 0.1 }, { penalty: "l2", C: 1 }],
    [{ penalty: "elasticnet", C: 0.1, l1Ratio: 0.2 }, { penalty: "elasticnet", C: 1, l1Ratio: 0.2 }],
    [{ penalty: "elasticnet", C: 0.1, l1Ratio: 0.5 }, { penalty: "elasticnet", C: 1, l1Ratio: 0.5 }],
  ]);
});

Deno.test("grid: no penalty is the weak end of the l2 path, or a separate path without l2", () => {
  const space = { strengths: [1], l1Ratios: [] };
  assert.deepEqual(gridOf({ ...space, penalties: ["none", "l2"] }), [[{ penalty: "l2", C: 1 }, {
    penalty: "none",
  }]]);
  assert.deepEqual(gridOf({ ...space, penalties: ["none"] }), [[{ penalty: "none" }]]);
});

Deno.test("grid: strengths are logarithmically spaced, with both ends", () => {
  assert.deepEqual(spacedStrengths([1e-4, 1e4], 5), [1e-4, 1e-2, 1, 100, 1e4]);
  assert.deepEqual(spacedStrengths([0.5, 2], 1), [1]);
});

Deno.test("random search: candidates are in the space, and depend on the seed", () => {
  const space = { penalties: ["l2", "elasticnet", "none"] as const, l1Ratios: [] };
  const draw = (seed: number) => drawCandidates(space, { count: 60, range: [1e-3, 10], seed });
  const drawn = draw(1);
  assert.deepEqual(draw(1), drawn);
  assert.notDeepEqual(draw(2), drawn);
  assert.deepEqual(drawn.map((path) => path[0].penalty), ["l2", "elasticnet"]);
  for (const { penalty, C = 1, l1Ratio } of drawn.flat()) {
    assert.ok(C >= 1e-3 && C <= 10);
    assert.equal(l1Ratio !== undefined, penalty === "elasticnet");
    assert.ok((l1Ratio ?? 0) >= 0 && (l1Ratio ?? 0) <= 1);
  }
  const strengths = drawn[1].map(({ C }) => C ?? NaN);
  assert.deepEqual(strengths, strengths.toSorted((a, b) => a - b));
  // About half are below the middle of the logarithms.
  const weak = drawn.flat().filter(({ C = 0 }) => C > 0.1).length;
  assert.ok(weak > 15 && weak < 45, `${weak}`);
});

Deno.test("random search: shares of l1 are drawn from those given", () => {
  const space = { penalties: ["elasticnet"] as const, l1Ratios: [0.25, 0.75] };
  const drawn = drawCandidates(space, { count: 30, range: [0.1, 1], seed: 1 }).flat();
  assert.deepEqual([...new Set(drawn.map(({ l1Ratio }) => l1Ratio))].sort(), [0.25, 0.75]);
});

function outcomeOf(...losses: number[]): Outcome {
  return {
    folds: losses.map((logLoss) => ({ rows: 10, clicks: 5, logLoss, auc: 0.7, columns: 3, points: 2 })),
  };
}

Deno.test("leaderboard: the standard error is the folds' standard deviation over the root of their number", () => {
  assert.deepEqual(
    summaryOf([0.25, 0.75].flatMap((loss) => {
      const outcome = outcomeOf(loss);
      return "folds" in outcome ? outcome.folds : [];
    })),
    { logLoss: 0.5, standardError: 0.25, auc: 0.7, columns: 3 },
  );
});

Deno.test("leaderboard: candidates are ordered by log loss; failed ones come last", () => {
  const leaderboard = leaderboardOf([
    { candidate: { penalty: "none" }, outcome: { failure: "fold 1: separable" } },
    { candidate: { penalty: "l2", C: 1 }, outcome: outcomeOf(0.5, 0.6) },
    { candidate: { penalty: "l1", C: 1 }, outcome: outcomeOf(0.4, 0.6) },
  ]);
  assert.deepEqual(leaderboard.map(({ rank, candidate }) => [rank, candidate.penalty]), [
    [1, "l1"],
    [2, "l2"],
    [3, "none"],
  ]);
  assert.equal(chooseBest(leaderboard.slice(2), { oneStandardError: false }), undefined);
});

Deno.test("leaderboard: one standard error selects the strongest penalty of the same kind within it", () => {
  const leaderboard = leaderboardOf([
    { candidate: { penalty: "l1", C: 0.001 }, outcome: outcomeOf(0.42, 0.62) },
    { candidate: { penalty: "l2", C: 0.01 }, outcome: outcomeOf(0.65, 0.65) },
    { candidate: { penalty: "l2", C: 0.1 }, outcome: outcomeOf(0.45, 0.65) },
    { candidate: { penalty: "l2", C: 1 }, outcome: outcomeOf(0.4, 0.6) },
    { candidate: { penalty: "l2", C: 10 }, outcome: outcomeOf(0.41, 0.61) },
  ]);
  assert.deepEqual(chooseBest(leaderboard, { oneStandardError: false })?.candidate, { penalty: "l2", C: 1 });
  assert.deepEqual(chooseBest(leaderboard, { oneStandardError: true })?.candidate, { penalty: "l2", C: 0.1 });
});

Deno.test("sweep: the best candidate is trained as by train, registered, and put in production if asked for", async () => {
  await inStore(async (store, data, models) => {
    const first = await train(store, models, {
      spec: defaultSpec(),
      hyperParameters: { ...defaultHyperParameters, C: 77 },
      threads: 1,
      now: 1,
    });
    const report = await sweep(store, data, models, optionsOf());
    const { penalty, C = NaN } = report.best.candidate;
    const { model } = await train(store, models, {
      spec: defaultSpec(),
      hyperParameters: { ...defaultHyperParameters, penalty, C },
      threads: 1,
      now: 2,
    });
    assert.equal(report.model.modelId, model.modelId);
    assert.equal((await models.registry.listModels()).length, 2);
    assert.equal(report.active, false);
    assert.equal((await models.registry.activeModel())?.modelId, first.model.modelId);
    const again = await sweep(store, data, models, optionsOf({ activate: true }));
    assert.equal(again.active, true);
    const [{ modelId, assignedBy, reason }] = await models.registry.history();
    assert.deepEqual(
      { modelId, assignedBy, reason },
      { modelId: model.modelId, assignedBy: "clickwell sweep", reason: `the best of sweep ${report.key}` },
    );
  });
});

Deno.test("sweep: an interrupted sweep resumes, with the same result byte for byte", async () => {
  await inStore(async (store, data, models) => {
    const whole = await sweep(store, data, models, optionsOf());
    const expected = journalOf(data);
    Deno.removeSync(join(data, "sweeps"), { recursive: true });

    const interruption = new AbortController();
    let tried = 0;
    const stopped = sweep(
      store,
      data,
      models,
      optionsOf({
        signal: interruption.signal,
        observe: {
          tried() {
            if (++tried === 3) interruption.abort(new Failure("interrupted", "Interrupted."));
          },
        },
      }),
    );
    await assert.rejects(stopped, (error: Failure) => {
      assert.equal(error.kind, "interrupted");
      assert.match(error.message, /3 of 8 candidates are done and saved in .*\.ndjson/);
      return true;
    });

    const left: unknown[] = [];
    const resumed = await sweep(
      store,
      data,
      models,
      optionsOf({
        threads: 2,
        observe: { tried: (candidate) => left.push(candidate) },
      }),
    );
    assert.deepEqual(left, paths.flat().slice(3));
    assert.equal(resumed.resumed, 3);
    assert.deepEqual(resumed.leaderboard, whole.leaderboard);
    assert.equal(journalOf(data), expected);
  });
});

Deno.test("sweep: a finished sweep is answered from its file, without a fit or a training", async () => {
  await inStore(async (store, data, models) => {
    const first = await sweep(store, data, models, optionsOf());
    const before = journalOf(data);
    const second = await sweep(
      store,
      data,
      models,
      optionsOf({
        observe: {
          tried: () => assert.fail("nothing is left to try"),
          iteration: () => assert.fail("nothing is left to fit"),
        },
      }),
    );
    assert.equal(second.resumed, 8);
    assert.equal(second.model.modelId, first.model.modelId);
    assert.deepEqual(second.metrics, first.metrics);
    assert.deepEqual(second.leaderboard, first.leaderboard);
    assert.equal(journalOf(data), before);
    // Where the model is gone, it is trained again.
    Deno.removeSync(models.artifacts.location, { recursive: true });
    const third = await sweep(store, data, models, optionsOf());
    assert.equal(third.model.modelId, first.model.modelId);
    assert.ok(Deno.statSync(join(models.artifacts.location, third.model.modelId)).isDirectory);
  });
});

Deno.test("sweep: other data, folds, seeds or candidates make another sweep", async () => {
  await inStore(async (store, data, models) => {
    const small: Path[] = [[{ penalty: "l2", C: 1 }]];
    const base = optionsOf({ paths: small });
    const keys = new Set<string>();
    for (
      const options of [
        base,
        { ...base, foldCount: 3 },
        { ...base, paths: [[{ penalty: "l2", C: 2 }]] as const },
        { ...base, hyperParameters: { ...defaultHyperParameters, seed: 8 } },
        { ...base, gradientTolerance: 1e-8 },
      ]
    ) keys.add((await sweep(store, data, models, options)).key);
    store.db.exec("DELETE FROM clicks WHERE offer_id < 9");
    keys.add((await sweep(store, data, models, base)).key);
    assert.equal(keys.size, 6);
    assert.equal((await sweep(store, data, models, { ...base, oneStandardError: true })).resumed, 1);
  });
});

Deno.test("sweep: an incomplete last line is repeated; a damaged file fails with its path", async () => {
  await inStore(async (store, data, models) => {
    const { key, leaderboard } = await sweep(store, data, models, optionsOf());
    const path = join(data, "sweeps", `${key}.ndjson`);
    const text = Deno.readTextFileSync(path);
    const lines = text.split("\n");
    Deno.writeTextFileSync(path, lines.slice(0, 4).join("\n") + "\n" + lines[4].slice(0, 50));
    const mended = await sweep(store, data, models, optionsOf());
    assert.equal(mended.resumed, 3);
    assert.deepEqual(mended.leaderboard, leaderboard);
    assert.equal(Deno.readTextFileSync(path), text);

    const coefficients = lines[2].replace(/"coefficients":"[^"]{4}/, '"coefficients":"');
    for (const bad of ['{"candidate":99,"failure":"x"}', "nonsense", '{"candidate":1}', coefficients]) {
      Deno.writeTextFileSync(path, [lines[0], lines[1], bad, ""].join("\n"));
      await assert.rejects(sweep(store, data, models, optionsOf()), (error: Failure) => {
        assert.equal(error.kind, "file-invalid");
        assert.match(error.message, /line 3: .*Remove the file/);
        return true;
      });
    }
  });
});

Deno.test("sweep: sampling and class weights change the fits, not the meaning of probabilities", async () => {
  await inStore(async (store, data, models) => {
    const small: Path[] = [[{ penalty: "l2", C: 1 }]];
    const lossWith = async (settings: Partial<typeof defaultHyperParameters>) => {
      const hyperParameters = { ...defaultHyperParameters, ...settings };
      const { best } = await sweep(store, data, models, optionsOf({ paths: small, hyperParameters }));
      return best.summary?.logLoss ?? NaN;
    };
    const plain = await lossWith({});
    // Without the correction, the odds would be at least four times as large, and the log loss worse by over 0.1.
    for (const settings of [{ negatives: 0.2 }, { classWeight: "balanced" }] as const) {
      const changed = await lossWith(settings);
      assert.notEqual(changed, plain);
      assert.ok(Math.abs(changed - plain) < 0.04, `${JSON.stringify(settings)}: ${changed} against ${plain}`);
    }
  });
});

Deno.test("sweep: more folds than groups are rejected with a repair", async () => {
  await inStore(async (store, data, models) => {
    store.db.exec("DELETE FROM offers WHERE offer_id >= 36");
    await assert.rejects(
      sweep(store, data, models, optionsOf({ foldCount: 30 })),
      (error: Failure) => error.kind === "examples-invalid" && /--folds/.test(error.message),
    );
  });
});

Deno.test("clickwell sweep: prints the leaderboard, or one object with --json", async () => {
  await inFolder(async (folder) => {
    makeStore(folder).close();
    const models = join(folder, "models");
    const { code, stdout, stderr } = await run([
      ...[
        "sweep",
        "--data",
        folder,
        "--models",
        models,
        "--penalty",
        "l2,l1",
        "--C",
        "0.01,1",
        "--folds",
        "3",
      ],
      ...["--threads", "1", "--json"],
    ]);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.deepEqual(Object.keys(result.seconds), ["read", "encode", "fit", "total", "train"]);
    assert.equal(result.candidates.length, 4);
    assert.deepEqual(result.candidates.map(({ rank }: { rank: number }) => rank), [1, 2, 3, 4]);
    assert.deepEqual(result.best, result.candidates[0]);
    assert.equal(result.best.folds.length, 3);
    assert.ok(result.active, "the first model of a store goes into production");
    assert.match(stderr, /\* +1 {2}l[12] {2}C [\d.]+ +log loss 0\.\d{6} ± 0\.\d{6} {2}AUC 0\.\d{4}/);
    assert.ok(Deno.statSync(join(models, result.model_id, "model.json")).isFile);
  });
});

Deno.test("clickwell sweep: invalid candidates are rejected", async () => {
  const cases: [string[], RegExp][] = [
    [["--penalty", "l3"], /--penalty has "l3"/],
    [["--C", "1,x"], /--C has "x"/],
    [["--C-range", "5"], /FROM:TO/],
    [["--C-range", "9:1"], /FROM:TO/],
    [["--l1-ratio", "2"], /--l1-ratio has "2"/],
    [["--random", "3", "--C", "1"], /leave out --C/],
    [["--folds", "1"], /--folds/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await run(["sweep", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, message);
  }
});
