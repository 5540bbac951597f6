import { join } from "node:path";
import { z } from "zod";
import { type Bench, benchFolder, lastLineAs, Skipped } from "./bench.ts";
import { runChild } from "./child.ts";
import type { Measured, Sample } from "./measure.ts";
import { compare, type Line } from "./result.ts";

const connectionsDefault = 64;

/** The target and the media type of bodies. */
export interface LoadOptions {
  readonly path?: string;
  readonly contentType?: string;
  readonly seconds?: number;
  readonly connections?: number;
}

const answer = z.object({ probability: z.number() });
const loadReport = z.object({
  requests: z.number(),
  seconds: z.number(),
  errors: z.number(),
  p50: z.number(),
  p99: z.number(),
});

/** @throws {Skipped} if wrk is neither here nor can be installed. */
export async function requireWrk(bench: Bench): Promise<void> {
  if (await found()) return;
  if (Deno.uid() === 0) {
    bench.say("installing wrk");
    await runChild(["apt-get", "install", "--yes", "--quiet", "wrk"]).catch(() => {});
  }
  if (!await found()) {
    throw new Skipped("the load is made by wrk, which is not installed: apt-get install wrk");
  }
}

async function found(): Promise<boolean> {
  try {
    // wrk has no flag that succeeds without a URL: it only has to start.
    await new Deno.Command("wrk", { args: ["--version"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

/**
 * Posts request bodies as fast as they are answered.
 *
 * @param bodies File of bodies, one per line, sent one after the other: texts as JSON writes them, or what is JSON itself;
 *   of `application/octet-stream` in hexadecimal, after the number of bytes that are JSON.
 * @returns requestsPerSecond, and the seconds p50 and p99 of an answer.
 * @throws {Error} if any answer is not a 2xx, or a connection breaks.
 */
export async function load(
  bench: Bench,
  url: string,
  bodies: string,
  { path = "/predict", contentType = "application/json", seconds = 4, connections = connectionsDefault }:
    LoadOptions = {},
): Promise<Sample> {
  const effort = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`];
  // A slow server has a high latency, which is no error.
  const shape = [...effort, "--timeout", "30s"];
  const script = join(benchFolder, "peer/load.lua");
  const command = ["wrk", ...shape, "--script", script, `${url}${path}`, "--", bodies, contentType];
  // The port differs each time, and would fill the report.
  bench.note(["wrk", ...shape, "--script", script, `$URL${path}`, "--", bodies, contentType]);
  const report = lastLineAs(await runChild(command), loadReport);
  if (report.errors > 0 || report.requests === 0) {
    throw new Error(
      `${report.errors} of ${report.requests} requests to ${url} failed: their speed says nothing.`,
    );
  }
  return { requestsPerSecond: report.requests / report.seconds, p50: report.p50, p99: report.p99 };
}

/** Returns the report lines of two sides of `load`. @param aim Ours in requests per second, as a multiple of the peer's. */
export function loadLines(ours: Measured, peer: Measured, aim: number): Line[] {
  return [
    compare(ours, peer, { what: "requests", unit: "requests/s", metric: "requestsPerSecond", aim }),
    compare(ours, peer, { what: "latency, median", metric: "p50" }),
    compare(ours, peer, { what: "latency, 99th percentile", metric: "p99" }),
  ];
}

/** Posts each body once. @returns The `probability` of each answer. @throws {Error} if an answer has none. */
export async function probabilities(url: string, bodies: string): Promise<number[]> {
  const lines = (await Deno.readTextFile(bodies)).trimEnd().split("\n");
  const found: number[] = [];
  for (const body of lines) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/predict`, { method: "POST", body, headers });
    const text = await response.text();
    const result = answer.safeParse(response.ok ? JSON.parse(text) : undefined);
    if (!result.success) {
      throw new Error(`${url}/predict answered ${response.status} to ${body}: ${text.slice(0, 500)}`);
    }
    found.push(result.data.probability);
  }
  return found;
}

/** Returns the largest difference between two lists of probabilities; NaN if their lengths differ. */
export function differenceOf(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return NaN;
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}
