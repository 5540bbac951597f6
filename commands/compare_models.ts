import { columnNames } from "../pipeline/encode/column_names.ts";
import type { Artifact } from "../pipeline/model/artifact.ts";
import type { ModelRow, Models } from "../pipeline/model/registry.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";

/** Metrics, and whether a smaller value is better. */
const metricNames = {
  log_loss: { title: "log loss", smallerIsBetter: true },
  auc: { title: "AUC", smallerIsBetter: false },
  brier: { title: "Brier score", smallerIsBetter: true },
  ece: { title: "calibration", smallerIsBetter: true },
  base_log_loss: { title: "base rate", smallerIsBetter: undefined },
} as const;
type MetricName = keyof typeof metricNames;

const coefficientsShown = 10;

/** A value of each of the two models; null if a model has none. */
interface Both<T> {
  readonly a: T | null;
  readonly b: T | null;
}

/** `clickwell models compare A B`: what the two models were trained with, how good they are, and where they differ. */
export async function compareModels(
  { registry, artifacts }: Models,
  [a, b]: readonly string[],
  terminal: Terminal,
): Promise<Result> {
  const rows = [await registry.findModel(a), await registry.findModel(b)] as const;
  const [first, second] = [await artifacts.read(rows[0].modelId), await artifacts.read(rows[1].modelId)];
  const comparison = {
    models: rows.map(({ modelId, version }) => ({ model_id: modelId, version })),
    same_rows: haveSameRows(first, second),
    metrics: metricsOf(first, second),
    hyper_parameters: differing(first.metadata.hyperParameters, second.metadata.hyperParameters),
    features: featuresOf(first, second),
    coefficients: differingCoefficients(first, second),
  };
  for (const line of linesOf(comparison, rows)) terminal.say(line);
  return comparison;
}

/** Whether the metrics are of the same held-out rows: of the same examples, divided by the same rule. */
function haveSameRows({ metadata: a }: Artifact, { metadata: b }: Artifact): boolean {
  const divided = ({ hyperParameters: { seed, testShare, split, matureSeconds }, spec, data }: typeof a) =>
    JSON.stringify([
      seed,
      testShare,
      split,
      matureSeconds,
      spec.view ?? "examples",
      ...[spec.id, spec.label, spec.positive, spec.group, spec.time, spec.weight],
      [data.rows.test, data.clicks.test],
    ]);
  return a.data.fingerprint === b.data.fingerprint && divided(a) === divided(b);
}

function metricsOf({ metadata: a }: Artifact, { metadata: b }: Artifact) {
  const names = Object.keys(metricNames) as MetricName[];
  return Object.fromEntries(names.map((name) => {
    const [ofA, ofB] = [a.metrics[name], b.metrics[name]];
    return [name, { a: ofA, b: ofB, difference: ofA === null || ofB === null ? null : ofB - ofA }];
  })) as Record<MetricName, Both<number> & { readonly difference: number | null }>;
}

/** Returns the members that differ. */
function differing(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, Both<unknown>> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(
    names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
      .map((name) => [name, { a: a[name] ?? null, b: b[name] ?? null }]),
  );
}

/** Compares features, crosses and rates of the two specs. */
function featuresOf({ metadata: a }: Artifact, { metadata: b }: Artifact) {
  const [ofA, ofB] = [termsOf(a.spec), termsOf(b.spec)];
  return {
    only_a: Object.keys(ofA).filter((name) => !Object.hasOwn(ofB, name)),
    only_b: Object.keys(ofB).filter((name) => !Object.hasOwn(ofA, name)),
    changed: Object.keys(ofA).filter((name) => Object.hasOwn(ofB, name) && ofA[name] !== ofB[name]),
  };
}

/** Returns a spec's features by name, and its crosses and rates by the names of their fields, as text. */
function termsOf(spec: Artifact["metadata"]["spec"]): Record<string, string> {
  const listed = (member: string) => {
    const value = spec[member];
    return (Array.isArray(value) ? value : []) as { name?: string; of?: readonly string[] }[];
  };
  return Object.fromEntries([
    ...listed("features").map((feature) => [String(feature.name), JSON.stringify(feature)]),
    ...["crosses", "rates"].flatMap((member) =>
      listed(member).map((
        term,
      ) => [`${member === "rates" ? "rate of " : ""}${term.of?.join(" × ")}`, JSON.stringify(term)])
    ),
  ]);
}

/** Returns the coefficients that differ, the greatest differences first. A model without the column has 0 there. */
function differingCoefficients(a: Artifact, b: Artifact): (Both<number> & { readonly name: string })[] {
  const [ofA, ofB] = [a, b].map(({ metadata: { encoder, coefficients } }) =>
    new Map(columnNames(encoder).map((name, i) => [name, coefficients[i]]))
  );
  const size = ({ a, b }: Both<number>) => Math.abs((a ?? 0) - (b ?? 0));
  return [...new Set([...ofA.keys(), ...ofB.keys()])]
    .map((name) => ({ name, a: ofA.get(name) ?? null, b: ofB.get(name) ?? null }))
    .filter((both) => both.a !== both.b)
    .sort((one, other) => size(other) - size(one));
}

interface Comparison {
  readonly same_rows: boolean;
  readonly metrics: ReturnType<typeof metricsOf>;
  readonly hyper_parameters: Readonly<Record<string, Both<unknown>>>;
  readonly features: ReturnType<typeof featuresOf>;
  readonly coefficients: ReturnType<typeof differingCoefficients>;
}

function linesOf(comparison: Comparison, [a, b]: readonly [ModelRow, ModelRow]): string[] {
  const { same_rows, metrics, hyper_parameters, features, coefficients } = comparison;
  const settings = Object.entries(hyper_parameters);
  const named = ({ modelId, version, name }: ModelRow) =>
    `${modelId}, version ${version}${name === undefined ? "" : `, "${name}"`}`;
  return [
    `A is ${named(a)}`,
    `B is ${named(b)}`,
    `               ${"A".padStart(10)} ${"B".padStart(10)} ${"B − A".padStart(10)}`,
    ...(Object.keys(metricNames) as MetricName[]).map((name) => metricLine(name, metrics[name])),
    same_rows
      ? "  both were measured on the same held-out rows"
      : "  measured on different held-out rows: clickwell evaluate A --against B measures both on the same ones",
    ...settings.map(([name, { a, b }]) => `  setting      ${name}: ${a ?? "-"} → ${b ?? "-"}`),
    ...(settings.length === 0 ? ["  setting      all are the same"] : []),
    ...listLine("only in A", features.only_a),
    ...listLine("only in B", features.only_b),
    ...listLine("changed", features.changed),
    ...(coefficients.length === 0 ? ["  all coefficients are the same"] : [
      `  the greatest of ${coefficients.length} differences of coefficients, in log-odds:`,
      ...coefficients.slice(0, coefficientsShown).map(({ name, a, b }) =>
        `    ${shown(a)} ${shown(b)}  ${name}`
      ),
    ]),
  ];
}

function metricLine(
  name: MetricName,
  { a, b, difference }: Both<number> & { readonly difference: number | null },
): string {
  const { title, smallerIsBetter } = metricNames[name];
  const isBetter = difference !== null && smallerIsBetter !== undefined && Math.abs(difference) >= 5e-5
    ? (difference < 0) === smallerIsBetter ? "  B is better" : "  A is better"
    : "";
  return `  ${title.padEnd(12)} ${shown(a)} ${shown(b)} ${shown(difference)}${isBetter}`;
}

function listLine(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`  ${title.padEnd(12)} ${names.join(", ")}`];
}

function shown(value: number | null): string {
  return (value === null ? "-" : value.toFixed(4)).padStart(10);
}
