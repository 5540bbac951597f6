import { join } from "node:path";
import { root } from "../support/program.ts";

interface Values {
  readonly values: readonly number[];
}

/** Returns the medians of a line of a benchmark's stored result; NaN for a peer that it does not have. */
export async function measured(benchmark: string, what: string) {
  const text = await Deno.readTextFile(join(root, "bench/results", `${benchmark}.json`));
  const { lines } = JSON.parse(text) as {
    lines: readonly { readonly what: string; readonly ours: Values; readonly peer?: Values }[];
  };
  const line = lines.find((line) => line.what === what);
  if (line === undefined) throw new Error(`${benchmark} has no line ${what}`);
  return { ours: median(line.ours), peer: line.peer ? median(line.peer) : NaN };
}

function median({ values }: Values): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
