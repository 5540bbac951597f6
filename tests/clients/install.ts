import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The clients' own environment, beside this file; not in git. */
const folder = fileURLToPath(new URL(".", import.meta.url));
const environment = join(folder, ".venv");

/** The interpreter that has the clients, once they are installed. */
export const clientsPython: string = join(environment, "bin/python");

/**
 * Installs the clients where they are not installed already: a copy of the lists lies beside what they list.
 *
 * @throws {Error} where there is no Python to do it with, or no network.
 */
async function install(): Promise<void> {
  const lists = ["requirements.txt", "requirements-schemathesis.txt"].map((name) => join(folder, name));
  const stamp = join(environment, "requirements.txt");
  const wanted = (await Promise.all(lists.map((list) => Deno.readTextFile(list)))).join("\n");
  if (await Deno.readTextFile(stamp).catch(() => "") === wanted) return;
  console.error("installing tests/clients/requirements*.txt into tests/clients/.venv");
  await run("python3", ["-m", "venv", environment]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  await run(clientsPython, [...pip, ...lists.flatMap((list) => ["-r", list])]);
  await Deno.writeTextFile(stamp, wanted);
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) await install();
