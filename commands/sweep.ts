import { foldCountMax } from "../pipeline/fit/folds.ts";
import { type Candidate, type Path, penaltyNames } from "../pipeline/sweep/grid.ts";
import type { LeaderboardEntry } from "../pipeline/sweep/leaderboard.ts";
import type { FeatureSpec } from "../pipeline/examples/spec.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { openStore } from "../pipeline/store/store.ts";
import { sweep, type SweepObserver, type SweepReport } from "../pipeline/sweep/sweep.ts";
import { defaultHyperParameters, type HyperParameters } from "../pipeline/train/hyper_parameters.ts";
import { candidatesMax, candidatesOf } from "./candidates.ts";
import { reportFlags, requireReportPath, writeTrainedReport } from "./report_page.ts";
import { openRegistryOf, registryFlags } from "./cli/registry_flags.ts";
import { command, commonFlags, type Flags } from "./cli/command.ts";
import { describeRows, rowsResult } from "./row_report.ts";
import type { Terminal } from "./cli/terminal.ts";
import { isSearch, requireTables, searchFlags, searchOf } from "./cli/search_flags.ts";
import { searchLines, searchResult, stageLine } from "./search_report.ts";
import { slowJoinNote } from "./slow_join.ts";
import { usageInvalid } from "../pipeline/failure.ts";
import { exactFlags, intervalsOf } from "./cli/exact_flags.ts";
import { resourceOptionsOf } from "./cli/resource_flags.ts";
import { sharedHyperParameters, specOf, trainingFlags } from "./cli/training_flags.ts";

const flags = {
  ...commonFlags,
  ...registryFlags,
  penalty: { type: "list", value: "NAME", help: `penalties to try: ${penaltyNames.join(", ")} [l2]` },
  C: { type: "list", value: "C", help: "inverse strengths of the penalty to try, as in scikit-learn" },
  "C-range": {
    type: "string",
    value: "FROM:TO",
    default: "1e-4:1e4",
    help: "without --C: range of inverse strengths, evenly spaced on a log scale",
  },
  strengths: {
    type: "integer",
    value: "N",
    default: 20,
    min: 1,
    max: 1000,
    help: "number of strengths that the grid takes from --C-range",
  },
  "l1-ratio": {
    type: "list",
    value: "RATIO",
    help: "shares of l1 in an elastic net to try [0.5; with --random any from 0 to 1]",
  },
  random: {
    type: "integer",
    value: "N",
    min: 1,
    max: candidatesMax,
    help: "try N random candidates from --C-range in place of the grid",
  },
  folds: {
    type: "integer",
    value: "K",
    default: 5,
    min: 2,
    max: foldCountMax,
    help: "number of folds; rows of a group are in the same fold",
  },
  "one-standard-error": {
    type: "boolean",
    help: "choose the strongest penalty whose log loss is within one standard error of the best one",
  },
  ...searchFlags,
  features: {
    ...searchFlags.features,
    help: `${searchFlags.features.help}; compared with the best candidate`,
  },
  ...trainingFlags,
  seed: { ...trainingFlags.seed, help: "random seed of the split, the folds and the random candidates" },
  "sweep-tolerance": {
    type: "number",
    value: "G",
    default: 1e-6,
    min: 1e-13,
    max: 1e-2,
    help: "--tolerance of the fits to folds; the best candidate is trained to the default of train",
  },
  intervals: exactFlags.intervals,
  activate: { type: "boolean", help: "put the best model in production" },
  ...reportFlags,
} as const satisfies Flags;

export default command({
  name: "sweep",
  summary: "find the best hyper-parameters by cross-validation",
  description:
    "Cross-validates a grid or random candidates by group, trains the best one and registers it.\n" +
    "Results are kept in DATA/sweeps: repeating the command resumes an interrupted sweep.",
  flags,
  examples: [
    ["clickwell sweep", "l2 with 20 strengths, 5 folds"],
    ["clickwell sweep --penalty l2,l1 --C 0.01,0.1,1,10 --activate", "8 candidates, the best in production"],
    ["clickwell sweep --report report.html", "also write a report of the best model to look at"],
    ["clickwell sweep --penalty elasticnet --random 50 --C-range 1e-3:10", "50 random elastic nets"],
    [
      "clickwell sweep --penalty l1 --one-standard-error",
      "the fewest columns with a log loss near the best one",
    ],
    ["clickwell sweep --features auto", "curves and tables, if they are better than the best strength"],
  ],
  async run({ options, origins, terminal, signal }) {
    const paths = candidatesOf(options);
    const spec = specOf(options);
    const hyperParameters = {
      ...defaultHyperParameters,
      ...sharedHyperParameters(options, spec),
      ...intervalsOf(options),
    };
    requireNoTables(spec);
    requireRobust(hyperParameters, paths);
    const search = searchOf({ options, origins }, spec);
    requireTables(options, spec);
    const artifacts = openArtifacts(options);
    // Before the work begins whose result could not be written.
    await artifacts.check?.();
    const registry = await openRegistryOf(options);
    // Registering a model splits the store of an older version, which must not be open then.
    await registry.upgrade();
    const store = openStore(options.data, { mode: "read", isLongLived: true });
    try {
      requireReportPath(options);
      const report = await sweep(store, options.data, { artifacts, registry }, {
        spec,
        paths,
        hyperParameters,
        foldCount: options.folds,
        gradientTolerance: options["sweep-tolerance"],
        oneStandardError: options["one-standard-error"],
        ...(isSearch(options) ? { tables: { budget: options["time-budget"], ...search.options } } : {}),
        ...resourceOptionsOf(options),
        activate: options.activate,
        now: Date.now() * 1000,
        signal,
        observe: observerOf(terminal, options.quiet),
      });
      say(terminal, report, spec, artifacts.location);
      const split = hyperParameters.split ?? "group";
      const reported = await writeTrainedReport(options, report, { artifacts, terminal });
      return { ...resultOf(report, artifacts.location), split, ...reported };
    } finally {
      store.close();
      await registry.close();
    }
  },
});

/**
 * Refuses robust intervals that the best candidate may not have, before the work begins.
 *
 * @throws {Failure} `usage-invalid`
 */
function requireRobust({ intervals, classWeight }: HyperParameters, paths: readonly Path[]): void {
  if (intervals !== "robust") return;
  const other = paths.flat().find(({ penalty }) => penalty === "l1" || penalty === "elasticnet");
  if (!other && classWeight === "none") return;
  throw usageInvalid(
    `--intervals robust is for fits without an l1 part and class weights: leave out ${
      other ? `--penalty ${other.penalty}` : `--class-weight ${classWeight}`
    }, or --intervals.`,
  );
}

/** @throws {Failure} `usage-invalid` */
function requireNoTables({ tables }: FeatureSpec): void {
  if (tables === undefined) return;
  throw usageInvalid(
    "The feature spec has tables, whose coefficients have no strength to look for: train it with clickwell train --spec, or take " +
      '"tables" out.',
  );
}

/** Reports each candidate as it is done, with its rank so far. */
function observerOf(terminal: Terminal, quiet: boolean): SweepObserver {
  if (quiet) return {};
  return {
    stage: (event) => terminal.progress(event),
    slowJoin: slowJoinNote(terminal),
    searched: (stage) => terminal.say(stageLine(stage)),
    resumed({ path, done, total }) {
      if (done === 0) return;
      terminal.say(
        done === total
          ? `All ${total} candidates were tried before: results are read from ${path}`
          : `${done} of ${total} candidates were tried before, ${total - done} are left: ${path}`,
      );
    },
    tried(candidate, leaderboard) {
      const entry = leaderboard.find((row) => row.candidate === candidate);
      if (!entry) return;
      terminal.say(
        `  ${named(candidate).padEnd(34)}  ${scoreOf(entry)}  place ${entry.rank} of ${leaderboard.length}`,
      );
    },
  };
}

function named({ penalty, C, l1Ratio }: Candidate): string {
  const strength = C === undefined ? "" : `  C ${C}`;
  return `${penalty}${strength}${l1Ratio === undefined ? "" : `  l1 ratio ${l1Ratio}`}`;
}

function scoreOf({ summary, outcome }: LeaderboardEntry): string {
  if (!summary) return "failure" in outcome ? `failed: ${outcome.failure}` : "failed";
  const { logLoss, standardError, auc, columns } = summary;
  return `log loss ${logLoss.toFixed(6)} ± ${standardError.toFixed(6)}  AUC ${auc?.toFixed(4) ?? "-"}  ` +
    `${columns.toFixed(columns % 1 === 0 ? 0 : 1)} columns`;
}

const rowsShown = 20;

function say(
  terminal: Terminal,
  { leaderboard, best, model, metrics, notes, search, rows, account, active }: SweepReport,
  spec: FeatureSpec,
  modelsDir: string,
): void {
  terminal.say("");
  for (const entry of leaderboard.slice(0, rowsShown)) {
    const mark = entry === best ? "*" : " ";
    terminal.say(
      `${mark}${String(entry.rank).padStart(3)}  ${named(entry.candidate).padEnd(34)}  ${scoreOf(entry)}`,
    );
  }
  if (leaderboard.length > rowsShown) {
    terminal.say(`      … and ${leaderboard.length - rowsShown} more, all with --json`);
  }
  terminal.say("");
  terminal.say(
    `model ${model.modelId}, version ${model.version}${
      active ? ", in production" : ""
    }  (${modelsDir}/${model.modelId})`,
  );
  terminal.say(
    `  ${
      model.hyperParameters.features === "found" ? "curves and tables" : named(best.candidate)
    }, trained on all training rows: held-out log loss ${metrics.log_loss.toFixed(4)}, ` +
      `AUC ${metrics.auc?.toFixed(4) ?? "-"}`,
  );
  for (const line of searchLines(search)) terminal.say(`  ${line}`);
  for (const line of describeRows(rows, spec, account)) terminal.say(`  ${line}`);
  for (const note of notes) terminal.say(`  note: ${note}`);
  if (!active) terminal.say(`  put it in production: clickwell models activate ${model.modelId}`);
}

/** Returns the object that `--json` prints. */
function resultOf(report: SweepReport, modelsDir: string): Record<string, unknown> {
  const { key, leaderboard, best, model, metrics, notes, warnings, rows, account, active, resumed, seconds } =
    report;
  return {
    sweep: key,
    candidates: leaderboard.map(rowOf),
    best: rowOf(best),
    resumed,
    model_id: model.modelId,
    version: model.version,
    path: `${modelsDir}/${model.modelId}`,
    active,
    rows: rowsResult(rows, account),
    metrics,
    notes,
    warnings,
    ...(report.search ? { search: searchResult(report.search) } : {}),
    seconds,
  };
}

function rowOf({ rank, candidate, summary, outcome }: LeaderboardEntry): Record<string, unknown> {
  return {
    rank,
    penalty: candidate.penalty,
    ...(candidate.C === undefined ? {} : { C: candidate.C }),
    ...(candidate.l1Ratio === undefined ? {} : { l1_ratio: candidate.l1Ratio }),
    log_loss: summary?.logLoss ?? null,
    standard_error: summary?.standardError ?? null,
    auc: summary?.auc ?? null,
    columns: summary?.columns ?? null,
    ...("failure" in outcome ? { failure: outcome.failure } : {
      folds: outcome.folds.map(({ rows, clicks, logLoss, auc, columns, points }) => ({
        rows,
        clicks,
        log_loss: logLoss,
        auc,
        columns,
        points,
      })),
    }),
  };
}
