import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { connectRaw, type RawConnection } from "../../support/raw_connection.ts";
import { type ServeProcess, startServe } from "../../support/serve_process.ts";
import { makeServedModels, row } from "../../support/served_models.ts";
import {
  attackMegabytesMax,
  measurePredictionsInThread,
  memoryOf,
  repeatUntil,
} from "../../support/server_pressure.ts";

const json = { "content-type": "application/json" };

function memoryTest(name: string, attack: (serve: ServeProcess) => Promise<void>): void {
  Deno.test({
    name: `attack: ${name}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const models = makeServedModels();
      try {
        await using serve = await startServe([
          ...["--data", models.dataDir, "--models", models.modelsDir],
          ...["--workers", "2", "--drain-timeout", "0", "--drain-delay", "0"],
        ]);
        // Both threads have answered once: their memory for that is not part of the attack.
        for (let i = 0; i < 40; i++) await predictOnce(serve);
        const base = memoryOf(serve.pid).now;
        await attack(serve);
        const { peak } = memoryOf(serve.pid);
        assert.ok(
          peak <= base + attackMegabytesMax,
          `${peak.toFixed(0)} MiB at the most, ${base.toFixed(0)} MiB before`,
        );
        assert.equal(await predictOnce(serve), 200, "the server still answers");
      } finally {
        models.remove();
      }
    },
  });
}

async function predictOnce({ origin }: Pick<ServeProcess, "origin">): Promise<number> {
  const response = await fetch(`${origin}/predict`, { method: "POST", body: JSON.stringify(row) });
  await response.body?.cancel();
  return response.status;
}

/** About 2 GB of spaces in 2 MB, in members of 10 MB. */
function bombOfMembers(): Uint8Array<ArrayBuffer> {
  const member = gzipSync(Buffer.alloc(10_000_000, " "), { level: 9 });
  return new Uint8Array(
    Buffer.concat([gzipSync('{"instances":['), ...Array.from({ length: 190 }, () => member)]),
  );
}

memoryTest(
  "bodies that inflate to gigabytes are rejected at the limit, in bounded memory, and other requests do not wait",
  async ({ origin }) => {
    const bombs = [bombOfMembers(), new Uint8Array(gzipSync(Buffer.alloc(100 * 2 ** 20, " "), { level: 9 }))];
    const paths = ["/invocations", "/v1/models/clickwell:predict", "/v2/models/clickwell/infer"];
    let over = false;
    const attackers = repeatUntil(() => over, 8, (i) =>
      fetch(origin + paths[i % paths.length], {
        method: "POST",
        headers: { ...json, "content-encoding": "gzip" },
        body: bombs[i % bombs.length],
      }));
    const { rounds, statuses } = await measurePredictionsInThread(origin, 40_000);
    over = true;
    assert.deepEqual([...await attackers], [413]);
    assert.deepEqual([...statuses], [200]);
    assert.ok(rounds.some((p99) => p99 <= 100), `99th percentiles of ${rounds.map(Math.round)} ms`);
  },
);

memoryTest(
  "announced lengths take no memory, and leave the quotas of predictions and writes free",
  async ({ origin, port }) => {
    const head = (path: string, length: number) =>
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{`;
    const connections: RawConnection[] = [];
    const announce = async (count: number, path: string, length: number) => {
      for (let i = 0; i < count; i++) {
        const connection = await connectRaw(port);
        connections.push(connection);
        await connection.send(head(path, length));
      }
    };
    try {
      await announce(300, "/predict/batch", 8 * 2 ** 20);
      for (let wave = 0; wave < 3; wave++) {
        await announce(800, "/predict", 2 ** 20);
        assert.equal(await predictOnce({ origin }), 200);
        const assigned = await fetch(`${origin}/model`, {
          method: "POST",
          headers: json,
          body: JSON.stringify({ model_id: 1 + wave % 2 }),
        });
        assert.equal(assigned.status, 200, await assigned.text());
      }
      await Promise.any(
        connections.map((connection) => connection.receive(/HTTP\/1\.1 503[^]*retry-after: 1/i)),
      );
    } finally {
      for (const connection of connections) connection.close();
    }
  },
);
