import { join } from "node:path";

/** Packages that some tests need, in a virtual environment next to their lists; it is not in git. */
export interface PythonEnvironment {
  /** The interpreter that has the packages, once they are installed. */
  readonly python: string;
  /**
   * Installs the packages unless that was done: a copy of the lists is kept in the environment.
   *
   * @throws {Error} if there is no Python, or no network.
   */
  install(): Promise<void>;
}

/**
 * @param lists Names of the files that list the packages, with their versions.
 * @param alone Names of lists of packages that are installed without what they need.
 */
export function pythonEnvironment(
  folder: string,
  lists: readonly string[],
  alone: readonly string[] = [],
): PythonEnvironment {
  const environment = join(folder, ".venv");
  const python = join(environment, "bin/python");
  const stamp = join(environment, "requirements.txt");
  const [paths, alonePaths] = [lists, alone].map((names) => names.map((name) => join(folder, name)));
  return {
    python,
    async install() {
      const wanted = (await Promise.all([...paths, ...alonePaths].map((path) => Deno.readTextFile(path))))
        .join("\n");
      if (await Deno.readTextFile(stamp).catch(() => "") === wanted) return;
      console.error(`installing ${paths.join(", ")} into ${environment}`);
      await run("python3", ["-m", "venv", environment]);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      await run(python, [...pip, ...paths.flatMap((path) => ["-r", path])]);
      if (alone.length > 0) {
        await run(python, [...pip, "--no-deps", ...alonePaths.flatMap((path) => ["-r", path])]);
      }
      await Deno.writeTextFile(stamp, wanted);
    },
  };
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
