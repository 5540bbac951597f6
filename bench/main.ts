import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Benchmark, cacheFolder, createBench, root, Skipped } from "./bench.ts";
import { benchmarks } from "./benchmarks.ts";
import { ChildFailed } from "./child.ts";
import { findProgram, type Program } from "./clickwell.ts";
import { busyWarning, describeMachine } from "./machine.ts";
import { installPeers, peerVersions } from "./python.ts";
import { toPage, toText } from "./report.ts";
import { isMeasured, readResults, type Result, writeResult } from "./result.ts";

const page = join(root, "docs/benchmarks.md");
const resultsFolder = join(root, "bench/results");
const runPrefix = "run-";

const help = `Measures clickwell against its peers, in alternation in the same session.

Usage:
  deno task bench [NAME…] [--offers N] [--rounds N] [--large] [--source] [--write]

  --offers N  size of the data [1000000]; larger sets are multiples of it
  --rounds N  rounds that count, after a warm-up [5]
  --large     also twenty times the data where a benchmark measures growth: minutes, and gigabytes in bench/.cache
  --source    from source even if dist/clickwell has been built
  --write     store the results in bench/results, and write docs/benchmarks.md from all stored results

Benchmarks:
${Object.entries(benchmarks).map(([name, { title }]) => `  ${name.padEnd(17)}${title}`).join("\n")}`;

interface Options {
  readonly offers: number;
  readonly rounds: number;
  readonly isLarge: boolean;
  readonly write: boolean;
}

interface Programs {
  /** The executable if there is one. */
  readonly found: Program;
  /** From source. */
  readonly ofThisDeno: Program;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      offers: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "5" },
      large: { type: "boolean", default: false },
      source: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown) {
    throw new Error(`There is no benchmark "${unknown}", but ${Object.keys(benchmarks).join(", ")}.`);
  }
  const options = {
    offers: countOf("offers", values.offers),
    rounds: countOf("rounds", values.rounds),
    isLarge: values.large,
    write: values.write,
  };
  await sweepRuns();
  const programs = { found: await findProgram(values), ofThisDeno: await findProgram({ source: true }) };
  const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);
  if (names.some((name) => benchmarks[name].peers.length > 0)) await installPeers(["requirements.txt"], say);
  const warning = busyWarning();
  if (warning) say(warning);

  let bad = 0;
  for (const name of names) {
    if (!await runOne(name, programs, options)) bad++;
  }
  if (options.write) {
    await Deno.writeTextFile(page, toPage(await readResults(resultsFolder, Object.keys(benchmarks))));
  }
  return bad > 0 ? 1 : 0;
}

/** Removes the folders of interrupted runs. */
async function sweepRuns(): Promise<void> {
  await Deno.mkdir(cacheFolder, { recursive: true });
  for await (const { name } of Deno.readDir(cacheFolder)) {
    if (name.startsWith(runPrefix)) await Deno.remove(join(cacheFolder, name), { recursive: true });
  }
}

/** @returns Whether it ran, or was skipped, without an error. A missed aim is no error: ratios differ between machines. */
async function runOne(name: string, programs: Programs, options: Options): Promise<boolean> {
  const benchmark = benchmarks[name];
  say(`${name}: ${benchmark.title}`);
  try {
    const { found, ofThisDeno } = programs;
    const fits = !benchmark.onThisDeno || found.denoVersion === Deno.version.deno;
    const result = await measure(name, benchmark, fits ? found : ofThisDeno, options);
    console.log(`\n${toText(result)}\n`);
    const sound = result.checks.every(({ holds }) => holds);
    if (options.write && sound) await writeResult(resultsFolder, result);
    return sound;
  } catch (error) {
    if (error instanceof Skipped) {
      console.log(`\n${name}: skipped: ${error.message}\n`);
      return true;
    }
    // The other results are still useful.
    console.log(`\n${name}: failed: ${reasonOf(error)}\n`);
    return false;
  }
}

/** Returns the reason, with the stack trace for a bug of the benchmark. */
function reasonOf(error: unknown): string {
  if (error instanceof ChildFailed) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

async function measure(
  name: string,
  { title, peers, run }: Benchmark,
  program: Program,
  { offers, rounds, isLarge }: Options,
): Promise<Result> {
  const folder = await Deno.makeTempDir({ dir: cacheFolder, prefix: runPrefix });
  const commands = new Set<string>();
  const { command: clickwell, denoVersion } = program;
  try {
    const findings = await run(
      createBench({ offers, rounds, isLarge, clickwell, denoVersion, say }, folder, commands),
    );
    return {
      ...findings,
      lines: findings.lines.filter(isMeasured),
      name,
      title,
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      versions: { [`clickwell (${program.kind})`]: program.version, ...await peerVersions(peers) },
      commands: [...commands],
      rounds,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function countOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} is "${text}", expected a whole number above 0.`);
}

function say(line: string): void {
  console.error(`${new Date().toTimeString().slice(0, 8)}  ${line}`);
}

if (import.meta.main) {
  let code: number;
  try {
    code = await main();
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    code = 2;
  }
  Deno.exit(code);
}
