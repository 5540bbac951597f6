import { join } from "node:path";
import { fileURLToPath } from "node:url";
import configuration from "../deno.json" with { type: "json" };

export const root = fileURLToPath(new URL("..", import.meta.url));

const executable = Deno.env.get("CLICKWELL_EXECUTABLE");

/** The program under test: the executable that CLICKWELL_EXECUTABLE names, else the source, with its task's permissions. */
export const program: readonly string[] = executable ? [join(root, executable)] : fromSource();

function fromSource(): string[] {
  const [, ...words] = configuration.tasks.clickwell.command.split(" ");
  return [Deno.execPath(), ...words.map((word) => word === "main.ts" ? join(root, word) : word)];
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors that the process may have. */
  readonly descriptorsMax?: number;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program. No setting of the machine that runs the tests reaches it. */
export function spawn(args: readonly string[], surroundings: Surroundings = {}): Deno.ChildProcess {
  const { cwd = root, env = {}, descriptorsMax } = surroundings;
  // The runtime raises the soft limit to the hard one, so both have to be set.
  const limit = descriptorsMax === undefined
    ? []
    : ["sh", "-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`];
  const [file, ...words] = [...limit, ...program, ...args];
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !/^(?:CLICKWELL|AIP)_/.test(name));
  return new Deno.Command(file, {
    args: words,
    cwd,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the program to its end. */
export async function run(args: readonly string[], surroundings?: Surroundings): Promise<Outcome> {
  const { code, stdout, stderr } = await spawn(args, surroundings).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a test in a folder of its own, and removes it. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "clickwell-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
