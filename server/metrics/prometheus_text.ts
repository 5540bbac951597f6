import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string | number>>;

/** One metric with all its samples. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

interface Sample {
  /** Appended to the family's name: `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/, text-based format 0.0.4 */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** Returns families in the Prometheus text format. A family without samples is omitted. */
export function exposition(families: readonly Family[]): string {
  return families.filter(({ samples }) => samples.length > 0).map(familyText).join("");
}

function familyText({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ suffix = "", labels = {}, value }) =>
    `${name}${suffix}${labelText(labels)} ${valueText(value)}\n`
  );
  return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n${
    lines.join("")
  }`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Escapes a label value: a feature may have any name. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").toWellFormed();
}

function valueText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** Returns the samples of a histogram. Each bucket counts all values up to its bound. */
export function histogramSamples(
  { counts, sum }: Histogram,
  bounds: readonly number[],
  labels: Labels = {},
): Sample[] {
  let below = 0;
  const buckets = [...bounds, Infinity].map((bound, i) => {
    below += counts[i] ?? 0;
    return { suffix: "_bucket", labels: { ...labels, le: valueText(bound) }, value: below };
  });
  return [...buckets, { suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: below }];
}
