import assert from "node:assert/strict";
import { MessageChannel } from "node:worker_threads";
import { Failure } from "../../../pipeline/failure.ts";
import { openRpcPeer, type RpcPeer } from "../../../server/workers/rpc.ts";
import { assertRejected } from "../../support/expected_failure.ts";

interface TestApi {
  double(n: number): number;
  later(ms: number): Promise<string>;
  never(request: undefined): Promise<void>;
  reject(pointer: string): void;
  crash(request: undefined): void;
  note(text: string): void;
}

const lost = new Failure("thread-lost", "gone");

/** Runs a test with a peer whose other side answers {@link TestApi}. */
function rpcTest(
  name: string,
  test: (peer: RpcPeer<TestApi>, received: readonly string[]) => Promise<void>,
): void {
  Deno.test(`rpc: ${name}`, async () => {
    const { port1, port2 } = new MessageChannel();
    const received: string[] = [];
    openRpcPeer<TestApi, Record<never, never>>(port2, {
      double: (n) => 2 * n,
      later: (ms) => new Promise((resolve) => setTimeout(() => resolve(`after ${ms}`), ms)),
      never: () => new Promise(() => {}),
      reject(pointer) {
        throw new Failure("input-invalid", "no", [{ pointer, detail: "is too high" }]);
      },
      crash() {
        throw new TypeError("undefined is not a row");
      },
      note: (text) => void received.push(text),
    });
    try {
      await test(openRpcPeer<Record<never, never>, TestApi>(port1, {}), received);
    } finally {
      port1.close();
      port2.close();
    }
  });
}

rpcTest("a call gets its own result, in whichever order the results arrive", async (peer) => {
  const answers = await Promise.all([
    peer.call("later", 30),
    peer.call("double", 21),
    peer.call("later", 1),
  ]);
  assert.deepEqual(answers, ["after 30", 42, "after 1"]);
});

rpcTest("a failure of the other side keeps its kind, message and errors", async (peer) => {
  const error = await peer.call("reject", "#/apr").catch((error) => error);
  assert(error instanceof Failure);
  assert.deepEqual([error.kind, error.message, error.errors], [
    "input-invalid",
    "no",
    [{ pointer: "#/apr", detail: "is too high" }],
  ]);
});

rpcTest("a bug of the other side is an error with its stack", async (peer) => {
  await assert.rejects(
    peer.call("crash", undefined),
    /in another thread: TypeError: undefined is not a row\n.*rpc_test/,
  );
});

rpcTest("a call that is not answered in time fails, and its late result is ignored", async (peer) => {
  await assertRejected(peer.call("later", 40, { timeoutMs: 5 }), "thread-lost", /"later" in 5 ms/);
  assert.equal(await peer.call("later", 60), "after 60");
});

rpcTest("closing a peer rejects pending calls and later ones", async (peer) => {
  const waiting = assertRejected(peer.call("never", undefined), "thread-lost", /^gone$/);
  peer.close(lost);
  await waiting;
  await assertRejected(peer.call("double", 1), "thread-lost", /^gone$/);
});

rpcTest("notifications arrive in order, and none after closing", async (peer, received) => {
  for (const text of ["a", "b"]) peer.notify("note", text);
  await peer.call("double", 0);
  peer.close(lost);
  peer.notify("note", "c");
  assert.deepEqual(received, ["a", "b"]);
});
