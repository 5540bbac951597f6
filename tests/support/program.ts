import { join } from "node:path";
import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };

export const root = fileURLToPath(new URL("../..", import.meta.url));

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
  /** The content of standard input; default: empty. */
  readonly input?: string | Uint8Array<ArrayBuffer>;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program. No setting of the machine that runs the tests reaches it. */
export function spawn(args: readonly string[], surroundings: Surroundings = {}): Deno.ChildProcess {
  const { cwd = root, env = {}, descriptorsMax, input } = surroundings;
  // The runtime raises the soft limit to the hard one, so both have to be set.
  const limit = descriptorsMax === undefined
    ? []
    : ["sh", "-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`];
  const [file, ...words] = [...limit, ...program, ...args];
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^(?:CLICKWELL|AIP|AWS|GOOGLE)_/.test(name)
  );
  return new Deno.Command(file, {
    args: words,
    cwd,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the program to its end. */
export async function run(args: readonly string[], surroundings?: Surroundings): Promise<Outcome> {
  const child = spawn(args, surroundings);
  if (surroundings?.input !== undefined) await write(child.stdin, surroundings.input);
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: withoutRuntime(decoder.decode(stderr)) };
}

/** Takes out the line that `deno run` prints, without the program, where another one is reading the packages' folder. */
function withoutRuntime(stderr: string): string {
  return executable
    ? stderr
    : stderr.replace(/^Blocking waiting for file lock on node_modules directory\n/, "");
}

async function write(
  stdin: WritableStream<Uint8Array<ArrayBuffer>>,
  input: string | Uint8Array<ArrayBuffer>,
) {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch { /* The program ended without reading all of it: its outcome says why. */ }
}

/** Runs a test in a new temporary folder, and removes it. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "clickwell-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
