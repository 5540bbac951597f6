import assert from "node:assert/strict";
import { join } from "node:path";
import configuration from "../../../deno.json" with { type: "json" };
import { inFolder, root } from "../../support/program.ts";

const wasm = "pipeline/fit/kernel/rows.wasm";
/** `deno task kernel`: the compiler with its permissions, and what it is to do. */
const words = configuration.tasks.kernel.command.split(" ").slice(1);
const compilerAt = words.findIndex((word) => word.startsWith("npm:"));

async function runCompiler(words: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), { args: [...words], cwd: root }).output();
}

const has = (await runCompiler([...words.slice(0, compilerAt + 1), "--version"])).success;
if (!has) console.log(`skipped: rows.wasm made anew: ${words[compilerAt]} cannot be had here`);

Deno.test({
  name: "kernel: rows.wasm is, to the last byte, what deno task kernel makes of rows.ts",
  ignore: !has,
  fn: () =>
    inFolder(async (folder) => {
      const made = join(folder, "rows.wasm");
      const elsewhere = words.map((word) =>
        word === wasm ? made : word.startsWith("--allow-write=") ? `--allow-write=${folder}` : word
      );

      const { code, stderr } = await runCompiler(elsewhere);

      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.deepEqual(await Deno.readFile(made), await Deno.readFile(join(root, wasm)));
    }),
});
