import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../support/program.ts";

/** A program that exits only when it has to exit at once. */
const stubborn = (module: URL) => `
import { listenForInterruption } from ${JSON.stringify(module.href)};
const signal = listenForInterruption(() => Deno.exit(130));
signal.addEventListener("abort", () => console.log(signal.reason.kind));
setInterval(() => {}, 1_000);
console.log("listening");
`;

Deno.test("signals: two signals of one press of Ctrl-C count as one, a later one ends the process at once", () =>
  inFolder(async (folder) => {
    const script = join(folder, "stubborn.ts");
    await Deno.writeTextFile(script, stubborn(new URL("../../commands/cli/signals.ts", import.meta.url)));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-check", "--allow-all", script],
      stdout: "piped",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await lines.read()).value, "listening\n");
    child.kill("SIGINT");
    assert.equal((await lines.read()).value, "interrupted\n");
    child.kill("SIGINT");
    const ended = child.status.then(() => true);
    assert.equal(await Promise.race([ended, after(1_200).then(() => false)]), false);
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 130);
    await lines.cancel();
  }));

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
