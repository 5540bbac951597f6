import * as Plot from "@observablehq/plot";
import type { DataQuality, FieldQuality, ModelReport, TraceStep } from "../report/model_report.ts";
import { cardOf, named, type Section, tableOf } from "./card.ts";
import { draw } from "./drawing.ts";
import { type Markup, markup, shortened } from "./markup.ts";
import { count, counted, decimals, figure, percent, withoutRounding } from "./numbers.ts";
import { type Grade, gradeUpTo, limits, worstOf } from "./verdict.ts";

const fieldsMax = 300;
const notesMax = 60;
const noteLengthMax = 800;

/** What the rows are like. */
export function dataSection(report: ModelReport): Section {
  const { data, evaluation } = report;
  return {
    id: "data",
    title: "What data is it made from?",
    cards: [rowsCard(data), notesCard(report), engineCard(report), fieldsCard(data, evaluation.rows)],
  };
}

function rowsCard({ rows, clicks, excluded }: DataQuality): Markup {
  const left = Object.entries(excluded).filter(([, count]) => count > 0);
  const sum = left.reduce((sum, [, count]) => sum + count, 0);
  const read = rows.read ?? rows.train + rows.test + (rows.validation ?? 0) + rows.left_out + sum;
  const used = read > 0 ? (read - sum) / read : 1;
  return cardOf({
    title: "Rows",
    grade: gradeUpTo(1 - used, limits.missing),
    says: `${counted(read, "row")} were read, of which ${
      sum === 0 ? "all are used" : `${percent(used)} are used`
    }: ${count(rows.train)} to train on, with ${counted(clicks.train, "click")}, and ${
      count(rows.test)
    } to test with, with ${counted(clicks.test, "click")}.`,
    shows: tableOf({
      label: "Rows by what was done with them",
      head: ["rows", "count", "share"],
      rows: [
        ["training", rows.train],
        ["held out", rows.test],
        ...(rows.validation ? [["validation", rows.validation] as const] : []),
        ...(rows.left_out > 0 ? [["left out by sampling", rows.left_out] as const] : []),
        ...left,
      ].map(([name, value]) => [
        String(name),
        count(Number(value)),
        read > 0 ? percent(Number(value) / read) : "-",
      ]),
    }),
  });
}

function fieldGrades({ missing = 0, rows, unseen = 0 }: FieldQuality, evaluated: number): Grade {
  return worstOf([
    gradeUpTo(rows > 0 ? missing / rows : 0, limits.missing),
    gradeUpTo(evaluated > 0 ? unseen / evaluated : 0, limits.unseen),
  ]);
}

function fieldsCard({ fields }: DataQuality, evaluated: number): Markup | undefined {
  if (fields.length === 0) return undefined;
  const graded = fields.map((field) => ({ field, grade: fieldGrades(field, evaluated) }));
  const odd = graded.filter(({ grade }) => grade !== "good").map(({ field }) => field);
  return cardOf({
    title: "Fields",
    grade: worstOf(graded.map(({ grade }) => grade)),
    says: odd.length === 0
      ? fields.length === 1
        ? "The field is nearly complete, and its values are known from the training."
        : `All ${
          count(fields.length)
        } fields are nearly complete, and their values are known from the training.`
      : markup`Look at ${
        odd.slice(0, 5).map(({ field }, i) => markup`${i > 0 ? ", " : ""}<b>${named(field)}</b>`)
      }${
        odd.length > 5 ? ` and ${count(odd.length - 5)} more` : ""
      }: many values are missing, or were not seen in the training.`,
    shows: fieldsTable(fields.slice(0, fieldsMax), evaluated),
    how: fields.length > fieldsMax ? `The first ${fieldsMax} of ${count(fields.length)} fields.` : undefined,
    isWide: true,
  });
}

function fieldsTable(fields: readonly FieldQuality[], evaluated: number): Markup {
  const shareOf = (value: number | undefined, of: number) =>
    value === undefined || of === 0 ? "-" : percent(value / of);
  return tableOf({
    label: "Quality of the fields",
    head: ["field", "type", "missing", "levels", "pooled", "unseen when tested", "min", "median", "max"],
    rows: fields.map((own) => [
      named(own.field),
      own.type,
      shareOf(own.missing, own.rows),
      own.levels === undefined ? "-" : count(own.levels),
      shareOf(own.pooled, own.rows),
      shareOf(own.unseen, evaluated),
      ...[own.min, own.median, own.max].map((value, _, all) =>
        value === undefined ? "-" : figure(withoutRounding(value, all), 4)
      ),
    ]),
  });
}

/** How the model was fitted. */
export function trainingSection(report: ModelReport): Section {
  return {
    id: "training",
    title: "How was it trained?",
    cards: [solverCard(report), hyperParameterCard(report.hyper_parameters)],
  };
}

function notesCard({ notes, warnings }: ModelReport): Markup {
  const warned = new Set(warnings.map(({ text }) => text));
  const others = notes.filter((note) => !warned.has(note));
  return cardOf({
    title: "What the training noted",
    grade: warnings.length > 0 ? "poor" : "good",
    says: warnings.length > 0
      ? `${
        counted(warnings.length, "warning")
      }: a column may tell the outcome, and not be known yet when a prediction is needed.`
      : notes.length > 0
      ? "No warning; some remarks."
      : "Nothing: no warning, and no remark.",
    shows: notes.length > 0
      ? markup`<ul class="notes">${
        warnings.slice(0, notesMax).map(({ text }) =>
          markup`<li class="warning">${shortened(text, noteLengthMax)}</li>`
        )
      }${others.slice(0, notesMax).map((note) => markup`<li>${shortened(note, noteLengthMax)}</li>`)}</ul>`
      : undefined,
    how: others.length > notesMax ? `${counted(others.length - notesMax, "remark")} more.` : undefined,
  });
}

/** What a report from sums lacks. */
function engineCard({ engine }: ModelReport): Markup | undefined {
  if (!engine) return undefined;
  const listOf = (texts: readonly string[]) =>
    markup`<ul class="notes">${texts.map((text) => markup`<li>${shortened(text, noteLengthMax)}</li>`)}</ul>`;
  return cardOf({
    title: "Made from sums",
    says:
      `The rows stayed in ${engine.name}, which answered with sums over them. What is not named here is exact.`,
    shows: markup`<p>Approximate:</p>${listOf(engine.approximate)}<p>Missing:</p>${listOf(engine.missing)}`,
  });
}

/** What ends a training by mini-batches, which does not search for an optimum. */
const byEpochs: ReadonlySet<string | undefined> = new Set(["epochs", "early-stopping"]);

function solverCard({ solver, trace }: ModelReport): Markup {
  const isExact = !byEpochs.has(solver.criterion);
  const isValidated = trace.some(({ validation_loss }) => validation_loss !== undefined);
  return cardOf({
    title: isExact ? "Search for the best coefficients" : "Training, epoch by epoch",
    grade: isExact ? "good" : isValidated ? epochGrade(trace) : undefined,
    says: isExact
      ? `The best coefficients that there are: ${solver.name} converged in ${
        counted(solver.iterations, "iteration")
      }. The largest entry of the gradient, which is 0 at the optimum, is ${figure(solver.gradient_max)}.`
      : `${solver.name} trained by mini-batches for ${
        counted(solver.iterations, "epoch")
      }, to a log loss of ${decimals(solver.objective)}${
        solver.criterion === "early-stopping" ? ", until that of the validation rows no longer fell" : ""
      }.${isValidated ? epochWords(trace) : ""}`,
    shows: trace.length > 0 ? drawTrace(trace, isExact) : undefined,
    legend: trace.length === 0
      ? []
      : isExact && hasGradients(trace)
      ? [{ mark: "line model", words: "largest entry of the gradient, 0 at the optimum" }]
      : [
        { mark: "line model", words: isExact ? "objective" : "log loss of the training rows" },
        ...(isValidated ? [{ mark: "line observed", words: "of the validation rows" }] : []),
      ],
    how: trace.length === 0 ? "The steps of this training were not recorded." : undefined,
  });
}

const hasGradients = (trace: readonly TraceStep[]) =>
  trace.every(({ gradient_max }) => Number(gradient_max) > 0);

function bestEpoch(trace: readonly TraceStep[]): TraceStep {
  const lossOf = ({ validation_loss = Infinity }: TraceStep) => validation_loss;
  return trace.reduce((best, step) => lossOf(step) < lossOf(best) ? step : best);
}

/** A validation loss that falls until the last epoch would fall further. */
function epochGrade(trace: readonly TraceStep[]): Grade {
  return bestEpoch(trace).step < trace[trace.length - 1].step ? "good" : "fair";
}

function epochWords(trace: readonly TraceStep[]): string {
  const { step, validation_loss = null } = bestEpoch(trace);
  return ` The validation rows had the smallest one, ${decimals(validation_loss)}, at epoch ${step}${
    epochGrade(trace) === "fair" ? ", the last: more epochs may help" : ""
  }.`;
}

function drawTrace(trace: readonly TraceStep[], isExact: boolean): Markup {
  const isByGradient = isExact && hasGradients(trace);
  const noun = isExact ? "Iteration" : "Epoch";
  const validated = trace.filter(({ validation_loss }) => validation_loss !== undefined);
  const last = trace[trace.length - 1];
  return draw({
    label: isByGradient
      ? `Largest entry of the gradient by iteration, down to ${
        figure(last.gradient_max ?? null)
      } after ${trace.length}`
      : `Log loss by ${noun.toLowerCase()}, ${decimals(last.objective)} after ${trace.length}`,
    height: 260,
    marginLeft: 56,
    marginRight: 14,
    x: {
      label: noun,
      ticks: Math.min(8, trace.length),
      tickFormat: (step: number) => step % 1 === 0 ? String(step) : "",
      inset: 6,
    },
    y: isByGradient
      ? {
        type: "log",
        label: "Gradient",
        ticks: 5,
        tickFormat: (value: number) => value.toExponential(0),
        grid: true,
      }
      : { label: isExact ? "Objective" : "Log loss", ticks: 5, grid: true, nice: true },
    marks: [
      Plot.line(trace, {
        x: "step",
        y: isByGradient ? "gradient_max" : "objective",
        stroke: "var(--model)",
        strokeWidth: 2.5,
      }),
      Plot.dot(trace.length <= 40 ? trace : [], {
        x: "step",
        y: isByGradient ? "gradient_max" : "objective",
        r: 3,
        fill: "var(--model)",
        title: ({ step, objective, gradient_max }: TraceStep) =>
          `${noun} ${step}: ${figure(objective, 6)}${
            gradient_max === undefined ? "" : `, gradient ${figure(gradient_max)}`
          }`,
      }),
      Plot.line(validated, { x: "step", y: "validation_loss", stroke: "var(--observed)", strokeWidth: 2 }),
    ],
  });
}

function hyperParameterCard(parameters: ModelReport["hyper_parameters"]): Markup {
  return cardOf({
    title: "Hyper-parameters",
    says:
      "What was chosen before the training: with the same rows, these make the same model, byte for byte.",
    shows: tableOf({
      label: "Hyper-parameters",
      head: ["name", "value"],
      rows: Object.entries(parameters).map(([name, value]) => [name, String(value)]),
    }),
  });
}
