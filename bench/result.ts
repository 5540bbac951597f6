import { z } from "zod";
import { type Measured, median, ratios, seriesOf } from "./measure.ts";

const series = z.object({ name: z.string(), values: z.array(z.number()).min(1).readonly() }).readonly();

const lineSchema = z.object({
  what: z.string(),
  /** The unit of a value. Bytes are shown as MiB, seconds below one as ms. A loss is a plain number, the less the better. */
  unit: z.enum(["seconds", "bytes", "requests/s", "loss"]),
  ours: series,
  /** Absent if ours is compared with a bound. */
  peer: series.optional(),
  /** With a peer: the minimum of times better. Without: the maximum of our median. */
  aim: z.number().optional(),
}).readonly();

const checkSchema = z.object({ what: z.string(), holds: z.boolean() }).readonly();

const findingsSchema = z.object({
  /** The data that was measured on, in one line. */
  data: z.string(),
  lines: z.array(lineSchema).readonly(),
  /** Results other than times: equal answers, equal optima. */
  checks: z.array(checkSchema).readonly(),
  /** Remarks that readers need to interpret the numbers. */
  notes: z.array(z.string()).readonly(),
});

const resultSchema = findingsSchema.extend({
  name: z.string(),
  title: z.string(),
  /** The day of the measurement, YYYY-MM-DD. */
  date: z.string(),
  machine: z.string(),
  versions: z.record(z.string(), z.string()),
  commands: z.array(z.string()).readonly(),
  rounds: z.number(),
});

/** One line of a benchmark's table: ours against one peer, or against a bound. */
export type Line = z.infer<typeof lineSchema>;
export type Unit = Line["unit"];
/** A condition without which the numbers mean nothing. */
export type Check = z.infer<typeof checkSchema>;
/** The findings of a benchmark. */
export type Findings = z.infer<typeof findingsSchema>;
/** Findings with the information needed to trace and repeat them. */
export type Result = z.infer<typeof resultSchema>;

/** The subject of a line. */
export interface Aspect {
  readonly what: string;
  /** Default: "seconds". */
  readonly unit?: Unit;
  /** The metric of the samples; default: "seconds". */
  readonly metric?: string;
  readonly aim?: number;
}

/** Compares ours with a peer. @param aim Minimum of times better. */
export function compare(ours: Measured, peer: Measured, aspect: Aspect): Line {
  return { ...bound(ours, aspect), peer: seriesOf(peer, aspect.metric ?? "seconds") };
}

/** Reports ours alone. @param aim Maximum of our median. */
export function bound(ours: Measured, { what, unit = "seconds", metric = "seconds", aim }: Aspect): Line {
  return { what, unit, ours: seriesOf(ours, metric), ...aim !== undefined && { aim } };
}

/** Unknown if the system does not report it, as memory on systems other than Linux. */
export function isMeasured({ ours, peer }: Line): boolean {
  return [ours, ...peer ? [peer] : []].every(({ values }) => values.every(Number.isFinite));
}

/** The numbers of a line. */
export interface Verdict {
  /** How many times better ours is: median, smallest and largest of the rounds' ratios; absent without a peer. */
  readonly ratio?: { readonly median: number; readonly min: number; readonly max: number };
  /** Absent if the line has no aim. */
  readonly reached?: boolean;
}

export function judge({ unit, ours, peer, aim }: Line): Verdict {
  if (!peer) return aim === undefined ? {} : { reached: median(ours.values) <= aim };
  const all = ratios(ours, peer, unit === "requests/s" ? "more" : "less");
  const ratio = { median: median(all), min: Math.min(...all), max: Math.max(...all) };
  return aim === undefined ? { ratio } : { ratio, reached: ratio.median >= aim };
}

/** Reads the results in a folder, in the order of `names`. */
export async function readResults(folder: string, names: readonly string[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    let text: string;
    try {
      text = await Deno.readTextFile(`${folder}/${name}.json`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    results.push(resultSchema.parse(JSON.parse(text)));
  }
  return results;
}

export async function writeResult(folder: string, result: Result): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/${result.name}.json`,
    JSON.stringify(resultSchema.parse(result), null, 2) + "\n",
  );
}
