import assert from "node:assert/strict";
import { MessageChannel } from "node:worker_threads";
import { Failure } from "../../../pipeline/failure.ts";
import { openRpcPeer, type RpcPeer } from "../../../server/workers/rpc.ts";
import { assertRejected } from "../../support/expected_failure.ts";

interface Clerk {
  double(n: number): number;
  later(ms: number): Promise<string>;
  never(request: undefined): Promise<void>;
  refuse(pointer: string): void;
  stumble(request: undefined): void;
  note(text: string): void;
}

const lost = new Failure("thread-lost", "gone");

/** Gives a test a channel to a clerk at the other end. */
function channelTest(
  name: string,
  test: (channel: RpcPeer<Clerk>, heard: readonly string[]) => Promise<void>,
): void {
  Deno.test(`channel: ${name}`, async () => {
    const { port1, port2 } = new MessageChannel();
    const heard: string[] = [];
    openRpcPeer<Clerk, Record<never, never>>(port2, {
      double: (n) => 2 * n,
      later: (ms) => new Promise((resolve) => setTimeout(() => resolve(`after ${ms}`), ms)),
      never: () => new Promise(() => {}),
      refuse(pointer) {
        throw new Failure("input-invalid", "no", [{ pointer, detail: "is not liked" }]);
      },
      stumble() {
        throw new TypeError("over a stone");
      },
      note: (text) => void heard.push(text),
    });
    try {
      await test(openRpcPeer<Record<never, never>, Clerk>(port1, {}), heard);
    } finally {
      port1.close();
      port2.close();
    }
  });
}

channelTest("a question gets its own answer, whichever comes first", async (channel) => {
  const answers = await Promise.all([
    channel.call("later", 30),
    channel.call("double", 21),
    channel.call("later", 1),
  ]);
  assert.deepEqual(answers, ["after 30", 42, "after 1"]);
});

channelTest("a failure of the other side is one here, fields and all", async (channel) => {
  const error = await channel.call("refuse", "#/apr").catch((error) => error);
  assert(error instanceof Failure);
  assert.deepEqual([error.kind, error.message, error.errors], [
    "input-invalid",
    "no",
    [{ pointer: "#/apr", detail: "is not liked" }],
  ]);
});

channelTest("a bug of the other side is one here, with its stack", async (channel) => {
  await assert.rejects(
    channel.call("stumble", undefined),
    /in another thread: TypeError: over a stone\n.*rpc_test/,
  );
});

channelTest("who does not answer in time is lost, and what comes afterwards is nobody's", async (channel) => {
  await assertRejected(channel.call("later", 40, { timeoutMs: 5 }), "thread-lost", /"later" in 5 ms/);
  assert.equal(await channel.call("later", 60), "after 60");
});

channelTest("when a channel is closed, whoever waits is told, and whoever comes", async (channel) => {
  const waiting = assertRejected(channel.call("never", undefined), "thread-lost", /^gone$/);
  channel.close(lost);
  await waiting;
  await assertRejected(channel.call("double", 1), "thread-lost", /^gone$/);
});

channelTest("what is told is heard, in order", async (channel, heard) => {
  for (const text of ["a", "b"]) channel.notify("note", text);
  await channel.call("double", 0);
  channel.close(lost);
  channel.notify("note", "c");
  assert.deepEqual(heard, ["a", "b"]);
});
