import assert from "node:assert/strict";
import { bodyTimeoutMs } from "../../../server/http/body_deadline.ts";
import { shortBodiesMax } from "../../../server/http/body_quota.ts";
import { connectRaw, type RawConnection } from "../../support/raw_connection.ts";
import { runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

const withinMs = bodyTimeoutMs + 5_000;

/** Routes that do not read a body, or not without a media type. */
const bodiless = /\/(?:load|unload)$|\/labels\//;

function head(path: string, length: number): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n\r\n`;
}

Deno.test("attack: bodies that stall or drip are abandoned after ten seconds on every route, and other requests do not wait", async () => {
  await using running = await runServer({ drainTimeoutMs: 200 });
  const { server: { port }, ask } = running;
  await ask("/predict", row);
  const { json: { routes } } = await ask("/");
  const paths = (routes as { method: string; path: string }[])
    .filter(({ method, path }) => method === "POST" && !bodiless.test(path))
    .map(({ path }) => path.replace(/(?<=\/):name\b/, "clickwell").replace(/(?<=\/):\w+/g, "1"));
  assert.ok(paths.length >= 8, `${paths}`);
  const stalled = await Promise.all(paths.map(async (path) => {
    const connection = await connectRaw(port);
    await connection.send(head(path, 1000) + '{"apr":');
    return { path, connection };
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
    const attackers = [
      ...stalled,
      { path: "in chunks", connection: chunked },
      { path: "in drops", connection: dripping },
    ];
    await Promise.all(
      attackers.map(({ path, connection }) =>
        connection.receive(/HTTP\/1\.1 408[^]*urn:clickwell:problem:body-late/, withinMs)
          .catch((error) => assert.fail(`${path}: ${error.message}`))
      ),
    );
  } finally {
    clearInterval(drip);
  }
  assert.equal((await ask("/predict", row)).status, 200);
  for (const connection of [...stalled.map((one) => one.connection), chunked, dripping]) connection.close();
});

Deno.test("attack: bodies beyond the quota are rejected, while complete bodies and health checks are answered", async () => {
  await using running = await runServer({ drainTimeoutMs: 200 });
  const { server: { port }, ask } = running;
  const connections: RawConnection[] = [];
  for (let i = 0; i < shortBodiesMax + 20; i++) connections.push(await connectRaw(port));
  await Promise.all(connections.map((connection) => connection.send(head("/predict", 1000) + "{")));
  await Promise.any(
    connections.map((connection) =>
      connection.receive(/HTTP\/1\.1 503[^]*retry-after: 1[^]*server-busy/i, withinMs)
    ),
  );
  assert.equal((await ask("/livez")).status, 200);
  assert.equal((await ask("/readyz")).status, 200);
  // After the clients disconnect, the quota is free again.
  for (const connection of connections) connection.close();
  for (let status = 0; status !== 200;) status = (await ask("/model/history")).status;
  for (let status = 0; status !== 200;) status = (await ask("/predict", row)).status;
});
