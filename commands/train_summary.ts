import { tellsOutcome } from "../pipeline/examples/leaks/leak_warning.ts";
import type { ArtifactMetadata, Metrics } from "../pipeline/model/artifact_metadata.ts";
import { locationOf } from "../pipeline/object_store/object_url.ts";
import { otherFieldsReason, type TrainReport } from "../pipeline/train/register.ts";
import { closingLine, type Folders } from "./closing_line.ts";
import { convergenceWords } from "./convergence_words.ts";
import { labelWords } from "./label_words.ts";
import { searchLines } from "./search_report.ts";
import { describeRows, newRows } from "./row_report.ts";
import { timeLines } from "./time_report.ts";
import { grouped } from "../pipeline/counted.ts";

/**
 * Returns the report of a training for people, in about ten lines: which model it is, how good it is and against what, what matters
 * most, the rows and the fit, what is odd, and what to do next.
 */
export function summaryOf(report: TrainReport, folders: Folders): string[] {
  const { model, artifact: { metadata }, account, active, production } = report;
  const { data, spec, update } = metadata;
  return [
    `model ${model.modelId}, version ${model.version}${active ? ", in production" : ""}  (${
      locationOf(folders.options.models)
    }/${model.modelId})`,
    ...[
      qualityLine(metadata),
      ...calibrationLines(metadata),
      ...timeLines(metadata),
      ...effectLines(report),
      ...searchLines(report.search),
      ...describeRows(update ? newRows(update.rows, account) : data.rows, spec, account),
      fitLine(report),
      ...oddLines(report),
      ...(update
        ? [
          `it continues ${update.from}, whose log loss on the new rows is ${
            update.log_loss_unchanged.toFixed(4)
          }`,
        ]
        : []),
      ...(active && production.reason === otherFieldsReason
        ? [`in production because ${otherFieldsReason}`]
        : []),
      ...(active && (metadata.warnings ?? []).some(isNoGain)
        ? ["in production all the same: put a better one in its place with clickwell train --activate"]
        : []),
      nextLine(metadata, model.version),
    ].map((line) => `  ${line}`),
    closingLine(report, folders),
  ];
}

/** Says how good the model is, compared with the rate of the outcome alone. */
function qualityLine({ data, metrics, spec, update }: ArtifactMetadata): string {
  const words = labelWords(spec);
  const on = update
    ? `${grouped(update.rows)} new rows, each predicted before it was fitted`
    : data.rows.test > 0
    ? `${grouped(data.rows.test)} held-out rows`
    : "the training rows";
  const { log_loss: loss, base_log_loss: baseLoss, auc } = metrics;
  const gain = 100 * gainOf(metrics);
  const compared = `${Math.abs(gain).toFixed(1)} % ${
    gain < 0 ? "worse" : "better"
  } than the ${words.rate} alone`;
  const pairs = auc === null || !Number.isFinite(auc)
    ? "-"
    : `${auc.toFixed(4)}: of ${words.pair} is ranked first ${Math.round(100 * auc)} times in 100`;
  return `on ${on}: log loss ${loss.toFixed(4)}, ${compared} (base rate ${
    baseLoss.toFixed(4)
  }); AUC ${pairs}`;
}

/** Returns the share of the base rate's log loss that the model saves. */
function gainOf({ log_loss: loss, base_log_loss: baseLoss }: Metrics): number {
  return baseLoss > 0 ? 1 - loss / baseLoss : 0;
}

function calibrationLines({ metrics: { calibration, brier, ece }, spec }: ArtifactMetadata): string[] {
  const means = meansOf(calibration);
  if (!means) return [];
  const { predicted, observed } = means;
  return [
    `mean probability ${predicted.toFixed(4)}, ${labelWords(spec).rate}: ${
      observed.toFixed(4)
    }; calibration error ${ece.toFixed(4)}, Brier ${brier.toFixed(4)}`,
  ];
}

/** @returns undefined without rows. */
function meansOf(calibration: Metrics["calibration"]) {
  const rows = calibration.reduce((sum, bin) => sum + bin.rows, 0);
  if (!(rows > 0 && rows < Infinity)) return undefined;
  const mean = (of: "predicted" | "observed") =>
    calibration.reduce((sum, bin) => sum + bin.rows * bin[of], 0) / rows;
  return { rows, predicted: mean("predicted"), observed: mean("observed") };
}

/** Returns whether the mean probability is far from the click rate, and by more than chance. */
function isOff({ calibration }: Metrics): boolean {
  const means = meansOf(calibration);
  if (!means) return false;
  const { rows, predicted, observed } = means;
  const away = Math.abs(predicted - observed);
  return away > 0.2 * observed && away > 5 * Math.sqrt(predicted * (1 - predicted) / rows);
}

const effectsShown = 5;

function effectLines({ effects = [] }: TrainReport): string[] {
  const named = effects.slice(0, effectsShown).map(({ feature, effect }) =>
    `${feature} ${effect.toFixed(2)}`
  );
  if (named.length === 0) return [];
  const left = effects.length - named.length;
  return [
    `what matters most: ${named.join(", ")}${
      left > 0 ? `, and ${left} more` : ""
    } (mean effect on a row's log-odds)`,
  ];
}

function fitLine({ artifact: { metadata }, seconds }: TrainReport): string {
  const { data, hyperParameters, solver } = metadata;
  const ending = convergenceWords(solver);
  return `fitted on ${grouped(data.rows.train)} rows in ${seconds.fit.toFixed(2)} s: ${solver.iterations} ${
    hyperParameters.optimizer === undefined ? "passes" : "epochs"
  }, largest gradient entry ${solver.gradientMax.toExponential(1)}${
    ending === undefined ? "" : `; converged: ${ending}`
  }`;
}

const warningsShown = 5;
const notesShown = 2;

/** Lists warnings, then notes; of many, the first. */
function oddLines({ model, artifact: { metadata: { notes, warnings = [] } } }: TrainReport): string[] {
  const warned = new Set(warnings.map(({ text }) => text));
  const others = notes.filter((note) => !warned.has(note));
  if (notes.length === 0) return ["nothing odd was found in the rows"];
  return [
    ...firstOf(warnings.map(({ text }) => text), "warning", warningsShown, model.version),
    ...firstOf(others, "note", notesShown, model.version),
  ];
}

function firstOf(texts: readonly string[], what: string, shownMax: number, version: number): string[] {
  const lines = texts.map((text) => `${what}: ${text}`);
  if (lines.length <= shownMax) return lines;
  const left = lines.length - shownMax + 1;
  return [...lines.slice(0, shownMax - 1), `and ${left} more ${what}s: clickwell models show ${version}`];
}

/** Whether a warning says that the model is not known to be better than the base rate. */
function isNoGain({ kind }: { readonly kind: string }): boolean {
  return kind === "no-gain";
}

/** A smaller share of the base rate's log loss is hardly worth a model. */
const gainMin = 0.01;

/** Share of the earlier rows from which it matters that they left the training with their groups. */
const leavingShareMin = 0.2;

/** Says what to do next. */
function nextLine(
  { data, metrics, spec, warnings = [], hyperParameters }: ArtifactMetadata,
  version: number,
): string {
  const { rate } = labelWords(spec);
  if (warnings.some(tellsOutcome)) {
    return "next: decide about the columns warned of, then train again; until then the log loss may be too good to be true";
  }
  if (warnings.some((warning) => !isNoGain(warning))) {
    return "next: follow the warnings, then train again: the rows to come may not be like the held-out ones";
  }
  if (data.rows.test === 0) {
    return "next: hold rows out with --test-share 0.2, to see how good the model is on rows it does not know";
  }
  const leavingRows = hyperParameters.split === "both" ? data.rows.straddling ?? 0 : 0;
  if (isOff(metrics) && leavingRows > leavingShareMin * (leavingRows + data.rows.train)) {
    return `next: try --split time, since the mean probability is far from the ${rate}: ${
      grouped(leavingRows)
    } earlier rows left the training because their group is held out, and may be unlike those that remain`;
  }
  if (gainOf(metrics) < 0) {
    return `next: try a stronger penalty, as with --C 0.01, fewer columns or more rows; the ${rate} alone is better`;
  }
  if (warnings.some(isNoGain)) {
    return `next: more rows, or a stronger penalty, as with --C 0.01; it is not shown that the model is better than the ${rate}`;
  }
  if (gainOf(metrics) < gainMin) {
    return `next: add columns that say more about the outcome, or more rows; the model is hardly better than the ${rate}`;
  }
  if (spec.tables !== undefined) {
    return `next: make the same tables of newer rows, without a search: clickwell models show ${version} --spec > found.json, then clickwell train --spec found.json`;
  }
  if (hyperParameters.optimizer !== undefined) return "next: compare it with --solver auto, which is exact";
  return "next: look for a better strength of the penalty with clickwell sweep";
}
