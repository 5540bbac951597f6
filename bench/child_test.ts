import assert from "node:assert/strict";
import { ChildFailed, runChild } from "./child.ts";

const deno = (code: string) => [Deno.execPath(), "eval", code];

Deno.test("a child's output and its time are returned", async () => {
  const { stdout, seconds } = await runChild(deno("setTimeout(() => console.log('done'), 100)"));
  assert.equal(stdout, "done\n");
  assert.ok(seconds >= 0.1, `${seconds} s`);
});

Deno.test("a child's peak memory includes memory that it has freed", {
  // Only Linux lets other processes read a process's peak.
  ignore: Deno.build.os !== "linux",
}, async () => {
  const mebibyte = 2 ** 20;
  const idle = "setTimeout(() => {}, 100)";
  const before = await runChild(deno(idle));
  const after = await runChild(deno(`new Uint8Array(300 * ${mebibyte}).fill(1); ${idle}`));
  const growth = (after.peakBytes - before.peakBytes) / mebibyte;
  assert.ok(growth > 250 && growth < 350, `${growth} MiB for 300`);
});

Deno.test("a child's time on the processor is that of its work, not of its waiting", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const busy = "let sum = 0; for (let i = 0; i < 5e8; i++) sum += Math.sqrt(i);";
  const idle = await runChild(deno("setTimeout(() => {}, 1000)"));
  const working = await runChild(deno(busy));
  assert.ok(working.cpuSeconds > idle.cpuSeconds + 0.1, `${working.cpuSeconds} s, idle ${idle.cpuSeconds} s`);
  assert.ok(idle.cpuSeconds < idle.seconds - 0.5, `${idle.cpuSeconds} s`);
});

Deno.test("a child that fails is reported with its code and the end of its output", async () => {
  const failing = runChild(deno("console.error('no such solver'); Deno.exit(3)"));
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof ChildFailed);
    assert.equal(error.code, 3);
    assert.match(error.message, /exited with 3:\nno such solver$/);
    return true;
  });
});

Deno.test("a child that takes too long is killed and reported", async () => {
  const endless = runChild(deno("setInterval(() => {}, 1000)"), { timeoutMs: 300 });
  await assert.rejects(endless, /took longer than 0.3 s/);
});
