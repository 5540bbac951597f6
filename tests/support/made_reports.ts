import type { EvaluationPart } from "../../pipeline/evaluate/evaluation.ts";
import type { CrossHeat, FieldCurve, ModelReport } from "../../pipeline/report/model_report.ts";
import { storedReport } from "./stored_report.ts";

/** A report as training makes it: of a model of six fields and a cross. */
export const usualReport: ModelReport = storedReport();

const { evaluation } = usualReport;
const estimate = (value: number) => ({ value, low: value - 0.02, high: value + 0.02 });

function part(name: string, i: number): EvaluationPart {
  const [observed, rows] = [0.3 + 0.02 * (i % 4), 400 + i];
  return {
    name,
    rows,
    clicks: Math.round(rows * observed),
    predicted: 0.33,
    observed,
    metrics: { ...evaluation.metrics, normalised_entropy: estimate(0.75 + 0.01 * i) },
  };
}

/** A report with all that an evaluation can have. */
export const fullReport: ModelReport = {
  ...usualReport,
  evaluation: {
    ...evaluation,
    thresholds: [
      { threshold: 0.5, share: 0.2, precision: 0.68, recall: 0.41, lift: 2.06 },
      { threshold: 1, share: 0, precision: null, recall: 0, lift: null },
    ],
    slices: [
      { field: "lender_id", parts: ["7", "12", "(missing)", "20 others"].map(part) },
      { field: "credit", parts: ["good", "fair"].map(part) },
    ],
    by_time: {
      unit: "week",
      parts: Array.from(
        { length: 9 },
        (_, i) => part(`2026-0${1 + Math.floor(i / 4)}-0${1 + i % 4}T00:00:00Z`, i),
      ),
    },
    against: {
      model_id: "cw-0123456789abcdef",
      metrics: evaluation.metrics,
      differences: { ...evaluation.metrics, log_loss: estimate(0.03) },
      test: { difference: 0.03, standard_error: 0.004, z: 7.5, p_value: 1e-13 },
    },
  },
  warnings: [{ kind: "leak", text: "the column closed_at is filled in only for rows with a click" }],
  notes: [...usualReport.notes, "the column closed_at is filled in only for rows with a click"],
};

/** Texts that would end a style block or an attribute, begin a script, or turn what follows them around. */
export const hostileTexts = [
  '</style><script>alert("in")</script>',
  "\"><img src=x onerror=alert('in')>",
  "&lt;b&gt; &amp; ]]> <!-- -->",
  "\u202eright to left\u0000\u001b[31m \ud800",
  `${"x".repeat(5000)}<b>`,
] as const;

/** A report whose every text of a user is hostile. */
export function hostileReport(text: string): ModelReport {
  const hostile = (value: unknown, name = ""): unknown => {
    if (typeof value === "string") return kept.has(name) ? value : text;
    if (Array.isArray(value)) return value.map((member) => hostile(member, name));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hostile(member, key)]));
  };
  return hostile(fullReport) as ModelReport;
}

/** Members whose texts the program chooses. */
const kept: ReadonlySet<string> = new Set(["rows", "type", "effects", "is", "unit", "kind", "criterion"]);

const longName = (i: number) => `a field with a name that is as long as some are in warehouses, number ${i}`;

/** As much as a report can hold: 2,000 columns, 100 fields of 60 parts, 200 crosses of 40 by 40 levels. */
export function largestReport(): ModelReport {
  const [curve] = usualReport.curves;
  const [cross] = usualReport.crosses;
  const curves = Array.from({ length: 100 }, (_, i): FieldCurve => ({
    ...curve,
    field: longName(i),
    spread: 1 / (i + 1),
    type: i % 2 === 0 ? "numeric" : "categorical",
    parts: Array.from({ length: 60 }, (_, p) => {
      const { from: _from, to: _to, ...level } = curve.parts[p % 10];
      return i % 2 === 0 ? { ...curve.parts[p % 10], from: p, to: p + 1 } : { ...level, name: longName(p) };
    }),
  }));
  const names = Array.from({ length: 40 }, (_, i) => longName(i));
  const grid = (value: number) =>
    names.map((_, row) => names.map((_, column) => value * (row - column + 0.5)));
  return {
    ...fullReport,
    coefficients: {
      shown: Array.from(
        { length: 200 },
        (_, i) => ({ ...usualReport.coefficients.shown[i % 50], column: longName(i) }),
      ),
      in_all: 2000,
      intercept: -1,
    },
    curves,
    crosses: Array.from({ length: 200 }, (_, i): CrossHeat => ({
      ...cross,
      of: [longName(i), longName(i + 1)],
      row_names: names,
      column_names: names,
      effects: grid(0.01),
      rows: grid(100).map((row) => row.map(Math.abs)),
      clicks: grid(10).map((row) => row.map(Math.abs)),
    })),
    importance: {
      rows: 5000,
      seed: 7,
      fields: Array.from({ length: 2000 }, (_, i) => ({ field: longName(i), log_loss: 1 / (i + 1) })),
    },
    trace: Array.from(
      { length: 200 },
      (_, i) => ({ step: i + 1, objective: 1 / (i + 1), gradient_max: 0.5 ** i }),
    ),
    data: {
      ...usualReport.data,
      fields: Array.from({ length: 2000 }, (_, i) => ({ ...usualReport.data.fields[0], field: longName(i) })),
    },
    notes: Array.from({ length: 500 }, (_, i) => `${longName(i)} has something that is worth a note`),
  };
}

/** A model of one numeric field, evaluated on the rows of its training, which was not observed. */
export const smallestReport: ModelReport = {
  ...usualReport,
  rows: "training",
  evaluation: {
    ...evaluation,
    reliability: evaluation.reliability.slice(0, 1),
    roc: evaluation.roc.slice(-1),
    pr: evaluation.pr.slice(-1),
    scores: [{ from: 0.3, to: 0.3, clicks: 30, others: 70 }],
    gains: evaluation.gains.slice(-1),
    groups: 1,
  },
  coefficients: { shown: [{ column: "apr", field: "apr", value: 0 }], in_all: 1, intercept: 0 },
  curves: [{ ...usualReport.curves[0], parts: usualReport.curves[0].parts.slice(0, 1), spread: 0 }],
  crosses: [],
  importance: { rows: 100, seed: 7, fields: [{ field: "apr", log_loss: 0 }] },
  trace: [],
  data: {
    ...usualReport.data,
    rows: { train: 100, test: 0, left_out: 0 },
    clicks: { train: 30, test: 0 },
    fields: usualReport.data.fields.slice(0, 1),
  },
  notes: [],
};

/** A model with hidden layers: without coefficients, with epochs, and without permuted fields. */
export const hiddenLayersReport: ModelReport = (() => {
  const { importance: _, ...rest } = usualReport;
  return {
    ...rest,
    coefficients: { shown: [], in_all: 0, intercept: 0 },
    curves: usualReport.curves.map((curve) => ({
      ...curve,
      effects: "partial",
      parts: curve.parts.map(({ low: _low, high: _high, ...part }) => part),
    })),
    crosses: [],
    solver: { ...usualReport.solver, name: "adam", criterion: "epochs", iterations: 6 },
    trace: Array.from({ length: 6 }, (_, i) => ({
      step: i + 1,
      objective: 0.6 - 0.02 * i,
      validation_loss: 0.61 - 0.01 * i * (4 - i / 2),
    })),
  } satisfies ModelReport;
})();
