import assert from "node:assert/strict";
import { bodyTimeoutMs } from "../server/arrival.ts";
import { inFlightMax } from "../server/handler.ts";
import { connectRaw, type RawConnection } from "./raw_connection.ts";
import { runServer } from "./running_server.ts";
import { row } from "./served_models.ts";

const withinMs = bodyTimeoutMs + 5_000;

function head(path: string, length: number): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n\r\n`;
}

Deno.test("bodies that stall or drip are given up after ten seconds, on every way, and the others do not wait for them", async () => {
  await using running = await runServer({ drainTimeoutMs: 200 });
  const { server: { port }, ask } = running;
  await ask("/predict", row);
  const stalled = await Promise.all(["/predict", "/model", "/predict/batch"].map(async (path) => {
    const connection = await connectRaw(port);
    await connection.send(head(path, 1000) + '{"apr":');
    return connection;
  }));
  const chunked = await connectRaw(port);
  await chunked.send(
    'POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"apr\r\n',
  );
  const dripping = await connectRaw(port);
  await dripping.send(head("/predict", 1000));
  const drip = setInterval(() => dripping.send(" ").catch(() => {}), 250);
  const from = performance.now();
  assert.equal((await ask("/predict", row)).status, 200);
  assert.ok(performance.now() - from < 2_000);
  try {
    await Promise.all(
      [...stalled, chunked, dripping].map((connection) =>
        connection.receive(/HTTP\/1\.1 408[^]*urn:clickwell:problem:body-late/, withinMs)
      ),
    );
  } finally {
    clearInterval(drip);
  }
  assert.equal((await ask("/predict", row)).status, 200);
  for (const connection of [...stalled, chunked, dripping]) connection.close();
});

Deno.test("more bodies on their way than may be are refused, bodies that are there are answered, and health too", async () => {
  await using running = await runServer({ drainTimeoutMs: 200 });
  const { server: { port }, ask } = running;
  const connections: RawConnection[] = [];
  for (let i = 0; i < inFlightMax + 20; i++) connections.push(await connectRaw(port));
  await Promise.all(connections.map((connection) => connection.send(head("/predict", 1000) + "{")));
  await Promise.any(
    connections.map((connection) =>
      connection.receive(/HTTP\/1\.1 503[^]*retry-after: 1[^]*server-busy/i, withinMs)
    ),
  );
  assert.equal((await ask("/livez")).status, 200);
  assert.equal((await ask("/readyz")).status, 200);
  // They hang up, and there is room again.
  for (const connection of connections) connection.close();
  for (let status = 0; status !== 200;) status = (await ask("/model/history")).status;
  for (let status = 0; status !== 200;) status = (await ask("/predict", row)).status;
});
