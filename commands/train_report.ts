import type { Evaluation } from "../pipeline/evaluate/evaluation.ts";
import type { TrainObserver } from "../pipeline/train/fit_model.ts";
import type { TrainReport } from "../pipeline/train/register.ts";
import type { Folders } from "./closing_line.ts";
import { convergenceMembers } from "./convergence_words.ts";
import { epochObserver } from "./cli/minibatch_flags.ts";
import type { Terminal } from "./cli/terminal.ts";
import { rowsResult } from "./row_report.ts";
import { searchResult, stageLine, stageResult } from "./search_report.ts";
import { slowJoinNote } from "./slow_join.ts";
import { summaryOf } from "./train_summary.ts";

/** Reports each step of a fit as a line; with `--json`, as JSON lines on standard error. */
export function observerOf(
  terminal: Terminal,
  { json, quiet, tolerance }: { json: boolean; quiet: boolean; tolerance: number },
): TrainObserver {
  if (quiet) return {};
  const startedAt = performance.now();
  let first: { at: number; gradientMax: number } | undefined;
  return {
    stage: (event) => terminal.progress(event),
    slowJoin: slowJoinNote(terminal, { json }),
    searched: (stage) =>
      terminal.say(json ? JSON.stringify({ searched: stageResult(stage) }) : stageLine(stage)),
    epoch: epochObserver(terminal, json),
    iteration({ iteration, objective, gradientMax, step }) {
      const at = performance.now();
      first ??= { at, gradientMax };
      const left = secondsLeft(first, { at, gradientMax }, tolerance);
      if (json) {
        const seconds = (at - startedAt) / 1000;
        return terminal.say(
          JSON.stringify({
            iteration,
            objective,
            gradient_max: gradientMax,
            step,
            seconds,
            seconds_left: left,
          }),
        );
      }
      terminal.say(
        `  pass ${String(iteration).padStart(2)}  objective ${objective.toFixed(9)}  gradient ${
          gradientMax.toExponential(1)
        }` +
          `  step ${step.toPrecision(2)}${left === null ? "" : `  about ${left.toFixed(1)} s left`}`,
      );
    },
  };
}

/**
 * Estimates the seconds until the gradient reaches the tolerance, from its logarithm, which falls about evenly. Null while the
 * gradient does not fall.
 */
function secondsLeft(
  first: { at: number; gradientMax: number },
  now: { at: number; gradientMax: number },
  tolerance: number,
): number | null {
  if (now.gradientMax <= tolerance) return 0;
  const fallen = Math.log(first.gradientMax / now.gradientMax);
  if (!(fallen > 0)) return null;
  return ((now.at - first.at) / 1000 / fallen) * Math.log(now.gradientMax / tolerance);
}

/** Prints the report for people. */
export function say(terminal: Terminal, report: TrainReport, folders: Folders): void {
  for (const line of summaryOf(report, folders)) terminal.say(line);
}

/** Returns the metrics with their intervals, as `evaluate --json` has them. */
function intervalsResult({ level, groups, resamples, blocks, metrics }: Evaluation) {
  return { level, groups, resamples, ...(blocks === undefined ? {} : { blocks }), metrics };
}

/** Returns the object that `--json` prints. */
export function resultOf(
  { model, artifact, account, active, effects, search, evaluation, seconds }: TrainReport,
  modelsDir: string,
): Record<string, unknown> {
  const { data, hyperParameters, metrics, calibration, solver, notes, warnings = [], update } =
    artifact.metadata;
  return {
    model_id: model.modelId,
    version: model.version,
    path: `${modelsDir}/${model.modelId}`,
    active,
    rows: rowsResult(data.rows, account),
    ...(data.times ? { split: { by: hyperParameters.split ?? "group", ...data.times } } : {}),
    metrics,
    ...(evaluation ? { intervals: intervalsResult(evaluation) } : {}),
    ...(calibration ? { calibration } : {}),
    solver: {
      name: solver.name,
      iterations: solver.iterations,
      gradient_max: solver.gradientMax,
      objective: solver.objective,
      ...convergenceMembers(solver),
    },
    notes,
    warnings,
    ...(effects ? { effects } : {}),
    ...(search ? { search: searchResult(search) } : {}),
    ...(update
      ? { update: { ...update, ...(account.known === undefined ? {} : { known: account.known }) } }
      : {}),
    seconds,
  };
}
