import assert from "node:assert/strict";
import { join } from "node:path";
import configuration from "../../../deno.json" with { type: "json" };
import { inFolder, root } from "../../support/program.ts";

/** The tasks that compile a kernel, and their words: permissions, compiler and its arguments. */
const tasks = [
  "kernel",
  "factor-kernel",
  "codes-kernel",
  "resample-kernel",
  "score-kernel",
  "page-kernel",
] as const;

async function runCompiler(words: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), { args: [...words], cwd: root }).output();
}

for (const task of tasks) {
  const words = configuration.tasks[task].command.split(" ").slice(1);
  const compilerAt = words.findIndex((word) => word.startsWith("npm:"));
  const wasm = words[words.indexOf("--outFile") + 1];
  const isAvailable = (await runCompiler([...words.slice(0, compilerAt + 1), "--version"])).success;
  if (!isAvailable) console.log(`skipped: compilation of ${wasm}: ${words[compilerAt]} is not available`);

  Deno.test({
    name: `kernel: ${wasm} equals, byte for byte, the output of deno task ${task}`,
    ignore: !isAvailable,
    fn: () =>
      inFolder(async (folder) => {
        const output = join(folder, "out.wasm");
        const redirected = words.map((word) =>
          word === wasm ? output : word.startsWith("--allow-write=") ? `--allow-write=${folder}` : word
        );

        const { code, stderr } = await runCompiler(redirected);

        assert.equal(code, 0, new TextDecoder().decode(stderr));
        assert.deepEqual(await Deno.readFile(output), await Deno.readFile(join(root, wasm)));
      }),
  });
}
