import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type ChildOptions, type Finished, runChild } from "./child.ts";
import type { Findings } from "./result.ts";
import { inTurns, type Measured, type Side, type TurnOptions } from "./measure.ts";

/** A benchmark. */
export interface Benchmark {
  readonly title: string;
  /** Python packages whose versions are part of the result. */
  readonly peers: readonly string[];
  /**
   * Whether clickwell must run from source on this Deno, as its peer does: the executable contains another version.
   */
  readonly onThisDeno?: boolean;
  /** @throws {Skipped} if the machine or this version of clickwell lacks what it needs. */
  run(bench: Bench): Promise<Findings>;
}

/** The context of a benchmark. */
export interface Bench {
  /** Offers of the ordinary data set; other sizes are multiples of it. */
  readonly offers: number;
  /** Whether sizes that take minutes are measured, too. */
  readonly isLarge: boolean;
  /** The command that starts clickwell, without its arguments. */
  readonly clickwell: readonly string[];
  /** The version of clickwell that is measured. */
  readonly denoVersion: string;
  /** The temporary folder of this run. */
  readonly folder: string;
  readonly rounds: number;
  /** Runs a command in the repository's root. During measured rounds, the command is recorded for the report. */
  run(command: readonly string[], options?: ChildOptions): Promise<Finished>;
  /** Records a measured command that is not started by `run`, such as a server's. */
  note(command: readonly string[]): void;
  /** Measures the sides in alternating runs. @param options Override those of the run. */
  turns(sides: readonly Side[], options?: Partial<TurnOptions>): Promise<Measured[]>;
  say(line: string): void;
}

/** Thrown if a benchmark cannot run here. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** The repository. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));
export const benchFolder: string = join(root, "bench");
/** Holds generated data, which is kept, and the folders of runs, which are removed; not in git. */
export const cacheFolder: string = join(benchFolder, ".cache");

export interface BenchOptions {
  readonly offers: number;
  readonly isLarge: boolean;
  readonly rounds: number;
  readonly clickwell: readonly string[];
  readonly denoVersion: string;
  readonly say: (line: string) => void;
}

/** @param commands Receives the measured commands in a form that readers can repeat. */
export function createBench(options: BenchOptions, folder: string, commands: Set<string>): Bench {
  const { rounds, clickwell, say } = options;
  let measuring = false;
  const note = (command: readonly string[]) => void commands.add(shown(command, clickwell, folder));
  return {
    ...options,
    folder,
    note,
    run(command, childOptions = {}) {
      if (measuring) note(command);
      return runChild(command, { cwd: root, ...childOptions });
    },
    async turns(sides, turnOptions = {}) {
      measuring = true;
      try {
        return await inTurns(sides, { rounds, observe: say, ...turnOptions });
      } finally {
        measuring = false;
      }
    },
  };
}

/** Replaces the paths that differ between machines. */
function shown(command: readonly string[], clickwell: readonly string[], folder: string): string {
  const ours = clickwell.every((word, i) => command[i] === word);
  const words = ours ? ["clickwell", ...command.slice(clickwell.length)] : command;
  return words
    .map((word) => word.replace(folder, "$RUN").replace(/^\/\S*\/python$/, "python"))
    .map((word) => word === Deno.execPath() ? "deno" : word)
    .map((word) => word.startsWith(root) ? relative(root, word) : word)
    .join(" ");
}

/**
 * Parses the JSON object on the last line of standard output.
 *
 * @throws {Error} if there is none, or it does not fit the schema.
 */
export function lastLineAs<Schema extends z.ZodType>({ stdout }: Finished, schema: Schema): z.infer<Schema> {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`The last line of the output is not JSON: ${line.slice(0, 200)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`The output is not as expected: ${z.prettifyError(result.error)}`);
}
