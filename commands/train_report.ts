import { shownTime } from "../pipeline/examples/time_split.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import type { TrainObserver } from "../pipeline/train/fit_model.ts";
import { otherFieldsReason, type TrainReport } from "../pipeline/train/train.ts";
import { closingLine, type Folders } from "./closing_line.ts";
import { convergenceMembers, convergenceWords } from "./convergence_words.ts";
import { epochObserver } from "./cli/minibatch_flags.ts";
import type { Terminal } from "./cli/terminal.ts";
import { describeRows, newRows, rowsResult } from "./row_report.ts";

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
export function say(
  terminal: Terminal,
  report: TrainReport,
  folders: Folders,
): void {
  const { model, artifact, account, active, seconds } = report;
  const { data, hyperParameters, metrics, solver, notes } = artifact.metadata;
  const { update } = artifact.metadata;
  const ending = convergenceWords(solver);
  const on = update
    ? `${update.rows.toLocaleString("en")} new rows, each predicted before it was fitted`
    : data.rows.test > 0
    ? `${data.rows.test.toLocaleString("en")} held-out rows`
    : "the training rows";
  const lines = [
    `model ${model.modelId}, version ${model.version}${
      active ? ", in production" : ""
    }  (${folders.options.models}/${model.modelId})`,
    `  fitted on ${data.rows.train.toLocaleString("en")} rows in ${seconds.fit.toFixed(2)} s: ` +
    `${solver.iterations} ${
      hyperParameters.optimizer === undefined ? "passes" : "epochs"
    }, largest gradient entry ${solver.gradientMax.toExponential(1)}`,
    ...(ending === undefined ? [] : [`  converged: ${ending}`]),
    `  on ${on}: log loss ${metrics.log_loss.toFixed(4)} (base rate ${metrics.base_log_loss.toFixed(4)}), ` +
    `AUC ${metrics.auc?.toFixed(4) ?? "-"}, Brier ${metrics.brier.toFixed(4)}, calibration error ${
      metrics.ece.toFixed(4)
    }`,
    ...timeLines(artifact.metadata).map((line) => `  ${line}`),
    ...describeRows(update ? newRows(update.rows, account) : data.rows, artifact.metadata.spec, account)
      .map((line) => `  ${line}`),
    ...notes.map((note) => `  note: ${note}`),
  ];
  if (update) {
    lines.push(
      `  it continues ${update.from}, whose log loss on the new rows is ${
        update.log_loss_unchanged.toFixed(4)
      }`,
    );
  }
  if (active && report.production.reason === otherFieldsReason) {
    lines.push(`  in production because ${otherFieldsReason}`);
  }
  lines.push(closingLine(report, folders));
  for (const line of lines) terminal.say(line);
}

/** Describes a split by time: from when on rows were held out, and in which period the model did worst. */
function timeLines({ data, metrics }: ArtifactMetadata): string[] {
  const from = data.times?.held_out_from;
  const lines = from === undefined ? [] : [`held out by time, from ${shownTime(from)} on`];
  if (metrics.by_time) {
    const { unit, parts } = metrics.by_time;
    const gainOf = (part: typeof parts[number]) => part.base_log_loss - part.log_loss;
    const worst = parts.reduce((worst, part) => gainOf(part) < gainOf(worst) ? part : worst);
    lines.push(
      `by ${unit}, ${parts.length} parts from ${parts[0].from}: worst is ${worst.from} (log loss ${
        worst.log_loss.toFixed(4)
      }, base rate ${worst.base_log_loss.toFixed(4)}, mean probability ${
        worst.predicted.toFixed(4)
      }, click rate ${worst.observed.toFixed(4)}, ${worst.rows} rows)`,
    );
  }
  return lines;
}

/** Returns the object that `--json` prints. */
export function resultOf(
  { model, artifact, account, active, seconds }: TrainReport,
  modelsDir: string,
): Record<string, unknown> {
  const { data, hyperParameters, metrics, solver, notes, warnings = [], update } = artifact.metadata;
  return {
    model_id: model.modelId,
    version: model.version,
    path: `${modelsDir}/${model.modelId}`,
    active,
    rows: rowsResult(data.rows, account),
    ...(data.times ? { split: { by: hyperParameters.split ?? "group", ...data.times } } : {}),
    metrics,
    solver: {
      name: solver.name,
      iterations: solver.iterations,
      gradient_max: solver.gradientMax,
      objective: solver.objective,
      ...convergenceMembers(solver),
    },
    notes,
    warnings,
    ...(update
      ? { update: { ...update, ...(account.known === undefined ? {} : { known: account.known }) } }
      : {}),
    seconds,
  };
}
