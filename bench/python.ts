import { join, relative } from "node:path";
import { z } from "zod";
import { type Bench, benchFolder, lastLineAs, root, Skipped } from "./bench.ts";
import { type Finished, runChild } from "./child.ts";

/** A virtual environment: `servers` holds peers whose packages conflict with the others. */
export type PythonEnvironment = "peers" | "servers";

const folders: Readonly<Record<PythonEnvironment, string>> = {
  peers: join(benchFolder, ".venv"),
  servers: join(benchFolder, "peer/.venv"),
};

/** Writes no byte code. */
export const pythonEnvironment: Readonly<Record<string, string>> = { PYTHONDONTWRITEBYTECODE: "1" };

/** A program of a virtual environment, such as gunicorn. */
export function pythonProgram(name: string, environment: PythonEnvironment = "peers"): string {
  return join(folders[environment], "bin", name);
}

/**
 * Creates or updates a virtual environment.
 *
 * @param requirements Files with exact pins, in this folder.
 * @throws {Skipped} if there is no Python to make it with.
 */
export async function installPeers(
  requirements: readonly string[],
  say: (line: string) => void,
  environment: PythonEnvironment = "peers",
): Promise<void> {
  const folder = folders[environment];
  for (const name of requirements) {
    const wanted = await Deno.readTextFile(join(benchFolder, name));
    // A copy of the installed requirements is kept there: asking pip would take a second at each start.
    const stamp = join(folder, name);
    const installed = await Deno.readTextFile(stamp).catch(() => "");
    if (installed === wanted) continue;
    say(`installing ${name} into ${relative(root, folder)}`);
    await makeEnvironment(folder);
    await runChild([
      pythonProgram("python", environment),
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "-r",
      join(benchFolder, name),
    ]);
    await Deno.writeTextFile(stamp, wanted);
  }
}

async function makeEnvironment(folder: string): Promise<void> {
  try {
    await runChild(["python3", "-m", "venv", folder]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Skipped(`the peers need Python 3.11 or later, with venv: ${reason}`);
  }
}

/** Returns the versions of Python and of the given packages as they are pinned; none without packages. */
export async function peerVersions(names: readonly string[]): Promise<Record<string, string>> {
  if (names.length === 0) return {};
  const { stdout } = await runChild([pythonProgram("python"), "--version"]);
  const versions: Record<string, string> = { Python: stdout.trim().replace("Python ", "") };
  const files = [
    "requirements.txt",
    "requirements-keras.txt",
    "requirements-postgres.txt",
    "requirements-quality.txt",
    "requirements-serving.txt",
    "requirements-trino.txt",
  ].map((name) => join(benchFolder, name));
  const pins = (await Promise.all(files.map((file) => Deno.readTextFile(file)))).join("\n").split("\n");
  for (const name of names) {
    const pin = pins.find((line) => line.startsWith(`${name}==`));
    if (!pin) throw new Error(`No requirements file of bench pins ${name}.`);
    versions[name] = pin.slice(name.length + 2);
  }
  return versions;
}

/** Runs a script of bench/peer and reads the JSON that it prints last. */
export async function peer<Schema extends z.ZodType>(
  bench: Bench,
  script: string,
  args: readonly string[],
  schema: Schema,
  { environment, ...options }: { timeoutMs?: number; environment?: PythonEnvironment } = {},
): Promise<{ finished: Finished; report: z.infer<Schema> }> {
  const command = [pythonProgram("python", environment), join(benchFolder, "peer", script), ...args];
  const finished = await bench.run(command, { env: pythonEnvironment, ...options });
  return { finished, report: lastLineAs(finished, schema) };
}

/** `--name value` pairs. */
export function flags(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
