import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { Failure } from "../../../pipeline/failure.ts";
import { openRegistryAt } from "../../../pipeline/model/open_registry.ts";
import { readPostgresUrl } from "../../../pipeline/model/postgres/address.ts";
import { createFrameCheck } from "../../../pipeline/model/postgres/frame_check.ts";
import { hasOpenssl, makeCertificates } from "../../support/certificates.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { namedArtifact } from "../../support/named_artifact.ts";
import { hasPgbouncer, postgresPrograms, startPgbouncer, startPostgres } from "../../support/postgres.ts";
import { inFolder } from "../../support/program.ts";
import { withConnections } from "../../support/registries.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";

const one = namedArtifact("1");
const assignment = { modelId: "1", assignedAt: 1_000, assignedBy: "a test" };
const patience = { readMs: 1_000, changeMs: 1_000 };

/** Lists the models of a registry by a new connection. */
async function list(url: string, caFile?: string) {
  const registry = await openRegistryAt({ dataDir: "none", url, caFile }, patience);
  try {
    return await registry.listModels();
  } finally {
    await registry.close();
  }
}

Deno.test("registry URL: host, database, user and schema are read, and the defaults are PostgreSQL's", () => {
  const { place, ...address } = readPostgresUrl("postgres://some%40one:a%2Fb%25c@db.example/models");
  assert.deepEqual(address, {
    hostname: "db.example",
    port: 5432,
    database: "models",
    user: "some@one",
    password: "a/b%c",
    schema: "clickwell",
    encryption: "full",
    isClearAllowed: false,
  });
  assert.equal(place, "postgres://db.example:5432/models, schema clickwell");
  assert.equal(readPostgresUrl("postgresql://u@[::1]:7/d").hostname, "::1");
  assert.equal(readPostgresUrl("postgres://u@h/d?schema=a%20b").schema, "a b");
  assert.equal(readPostgresUrl("postgres://u@h/d?host=/run/sql").socketPath, "/run/sql/.s.PGSQL.5432");
});

Deno.test("registry URL: only this machine and sslmode=disable are not encrypted", () => {
  const encryptionOf = (host: string, mode?: string) =>
    readPostgresUrl(`postgres://u:p@${host}/d${mode === undefined ? "" : `?sslmode=${mode}`}`).encryption;
  assert.deepEqual(["localhost", "127.0.0.1", "[::1]"].map((host) => encryptionOf(host)), [
    "none",
    "none",
    "none",
  ]);
  assert.equal(encryptionOf("10.0.0.1"), "full");
  assert.equal(encryptionOf("localhost.example"), "full");
  const modes = ["disable", "require", "verify-ca", "verify-full"];
  assert.deepEqual(modes.map((mode) => encryptionOf("h", mode)), ["none", "full", "chain", "full"]);
});

Deno.test("registry URL: one that cannot be used says why, without the password", async () => {
  const wrong = [
    ["mysql://u:secret@h/d", /begin with postgres/],
    ["postgres://u:sec/ret@h/d", /not a URL; .*%2F/],
    ["postgres://u:secret@h", /does not name one database/],
    ["postgres://u:secret@h/", /does not name one database/],
    ["postgres://h/d", /has no user/],
    ["postgres://u:secret%@h/d", /a % that begins no %XX/],
    ["postgres://u:secret@h/d?sslmode=prefer", /could send the password without encryption/],
    ["postgres://u:secret@h/d?sslmode=secret1", /expected disable, require, verify-ca, verify-full/],
    ["postgres://u:secret@h/d?sslrootcert=x", /--registry-ca FILE/],
    ["postgres://u:secret@h/d?options=x", /options is not one of/],
    ["postgres://u:secret@h/d?schema=", /not a name/],
    ["postgres://u:secret@h/d?schema=pg_own", /does not begin with pg_/],
    ["postgres://u:secret@h/d?host=relative", /not the path/],
    ["secret", /not a URL/],
  ] as const;
  for (const [url, reason] of wrong) {
    assert.throws(() => readPostgresUrl(url), (error) => {
      assert.ok(error instanceof Failure && error.kind === "usage-invalid");
      assert.match(error.message, reason);
      assert.doesNotMatch(error.message, /secret(?!1)/, url);
      return true;
    });
  }
  await assertRejected(
    openRegistryAt({ dataDir: "none", url: "postgres://u@h/d", caFile: "no-such-file" }),
    "usage-invalid",
    /certificate no-such-file/,
  );
  await assertRejected(openRegistryAt({ dataDir: "none", caFile: "x" }), "usage-invalid", /give its URL/);
});

Deno.test({
  name:
    "PostgreSQL connection: encrypted by an authority that was given; another or none, or another name, is refused",
  ...withConnections,
  ignore: postgresPrograms === undefined || !await hasOpenssl(),
  fn: () =>
    inFolder(async (folder) => {
      const ours = await makeCertificates(join(folder, "ours"), "DNS:localhost");
      const theirs = await makeCertificates(join(folder, "theirs"), "DNS:localhost");
      await using server = await startPostgres({ tls: ours });
      await server.query("ALTER SYSTEM SET log_connections = on; CREATE SCHEMA clickwell");
      const urlOf = (host: string, mode: string) => server.url(`sslmode=${mode}`).replace("127.0.0.1", host);
      const missing = /not there yet/;
      for (const mode of ["require", "verify-full", "verify-ca"]) {
        await assertRejected(list(urlOf("localhost", mode), ours.authority), "store-missing", missing);
        await assertRejected(
          list(urlOf("localhost", mode), theirs.authority),
          "store-invalid",
          /none of the given authorities/,
        );
        await assertRejected(
          list(urlOf("localhost", mode)),
          "store-invalid",
          /none of the system's authorities.*--registry-ca/,
        );
      }
      await assertRejected(
        list(urlOf("127.0.0.1", "require"), ours.authority),
        "store-invalid",
        /of another name.*verify-ca/,
      );
      await assertRejected(list(urlOf("127.0.0.1", "verify-ca"), ours.authority), "store-missing", missing);
      const registry = await openRegistryAt({
        dataDir: "none",
        url: urlOf("localhost", "require"),
        caFile: ours.authority,
      });
      await registry.registerModel(one, 0);
      const isEncrypted =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'clickwell'";
      assert.deepEqual(await server.query(isEncrypted), ["t"]);
      await registry.close();
    }),
});

Deno.test({
  name: "PostgreSQL connection: by a socket",
  ...withConnections,
  ignore: postgresPrograms === undefined,
  async fn() {
    await using server = await startPostgres();
    await assertRejected(list(server.url(`host=${server.folder}`)), "store-missing", /not there yet/);
    await assertRejected(list(server.url("host=/no/such/folder")), "store-unreachable", /no such socket/);
  },
});

Deno.test({
  name: "PostgreSQL connection: through pgbouncer in transaction mode, changes are made and followed",
  ...withConnections,
  ignore: postgresPrograms === undefined || !hasPgbouncer(),
  async fn() {
    await using server = await startPostgres();
    await using bouncer = await startPgbouncer(server);
    const url = server.url().replace(`:${server.port}/`, `:${bouncer.port}/`);
    const opened = await Promise.all([1, 2, 3, 4].map(() => openRegistryAt({ dataDir: "none", url })));
    const [registry] = opened;
    await registry.registerModel(one, 0);
    let told = () => {};
    const watch = registry.watch(() => {
      told();
      return Promise.resolve(true);
    });
    for (let round = 0; round < 3; round++) {
      const isTold = new Promise<void>((resolve) => told = resolve);
      await Promise.all(
        opened.flatMap((each) => [each.assign(assignment), each.listModels(), each.history()]),
      );
      await isTold;
    }
    assert.equal((await registry.history()).length, 12);
    watch.stop();
    for (const each of opened) await each.close();
  },
});

Deno.test({
  name: "PostgreSQL connection: one that goes silent fails in time, and the next call connects again",
  ...withConnections,
  ignore: postgresPrograms === undefined,
  async fn() {
    await using server = await startPostgres();
    await using proxy = startTcpProxy(server.port);
    const url = server.url().replace(`:${server.port}/`, `:${proxy.port}/`);
    const registry = await openRegistryAt({ dataDir: "none", url }, patience);
    await registry.registerModel(one, 0);
    for (const mode of ["silent", "closed"] as const) {
      proxy.mode = mode;
      const start = performance.now();
      await assertRejected(
        registry.listModels(),
        "store-unreachable",
        /within 1 s|nothing listens|connection broke|no connection|closed the connection/,
      );
      await assertRejected(
        registry.assign(assignment),
        "store-unreachable",
        /within 1 s|nothing listens|connection broke|no connection|closed the connection/,
      );
      assert.ok(performance.now() - start < 10_000);
      proxy.mode = "open";
      assert.equal((await registry.listModels()).length, 1);
    }
    assert.deepEqual(await registry.history(), []);
    await registry.close();
  },
});

Deno.test(
  "PostgreSQL connection: a server that makes no sense is unreachable, whatever it says",
  withConnections,
  async () => {
    const ready = Uint8Array.of(82, 0, 0, 0, 8, 0, 0, 0, 0, 90, 0, 0, 0, 5, 73);
    const texts = [
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "R\0\0\0\x04",
      "R\0\0\0\x08\0\0\0\x0b",
      "R\0\0\0\x0c\0\0\0\x0br=,s",
      "R\0\0\0\x08\0\0\0\x03",
      "R\0\0\0\x08\0\0\0\x07",
      "T\0\0\0\x07\0\x01x",
      "A\0\0\0\x09\0\0\0\0x",
      "Z\xff\xff\xff\xff",
      "",
    ];
    const answers = [
      ...texts.map((text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0))),
      concatenated(ready, Uint8Array.of(84, 0, 0, 0, 7, 255, 255, 65)),
      concatenated(ready, Uint8Array.of(68, 0, 0, 0, 6, 0, 9)),
      concatenated(ready, Uint8Array.of(67, 0, 0, 0, 4), Uint8Array.of(90, 0, 0, 0, 5, 73)),
      concatenated(ready, Uint8Array.of(69, 0, 0, 0, 5, 0), Uint8Array.of(90, 0, 0, 0, 5, 73)),
    ];
    for (const answer of answers) {
      await using server = startAnswering(() => answer);
      const url = `postgres://u:secret@127.0.0.1:${server.port}/d`;
      const failure = await list(url).then(() => undefined, (error) => error);
      assert.ok(failure instanceof Failure, `${[...answer]}: ${failure?.stack}`);
      assert.match(failure.kind, /^store-(unreachable|invalid)$/);
      assert.doesNotMatch(failure.message, /secret/);
    }
  },
);

Deno.test({
  name:
    "PostgreSQL connection: bytes of a real server that were changed on the way never end the process or stop a thread",
  ...withConnections,
  ignore: postgresPrograms === undefined,
  async fn() {
    await using server = await startPostgres();
    const registry = await openRegistryAt({ dataDir: "none", url: server.url() });
    await registry.registerModel(one, 0);
    await registry.assign(assignment);
    await registry.close();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 900 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          await using broken = startBreakingProxy(server.port, at, change);
          const broke = await openRegistryAt({
            dataDir: "none",
            url: server.url().replace(`:${server.port}/`, `:${broken.port}/`),
          }, { readMs: 300, changeMs: 300 });
          try {
            await broke.history();
          } catch (error) {
            assert.ok(error instanceof Failure, error instanceof Error ? error.stack : String(error));
          } finally {
            await broke.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  },
});

Deno.test("PostgreSQL messages: any cut of what a server sends is taken as the whole, and no bytes make the check fail", () => {
  const whole = Uint8Array.of(
    82,
    0,
    0,
    0,
    8,
    0,
    0,
    0,
    0,
    84,
    0,
    0,
    0,
    26,
    0,
    1,
    97,
    0,
    ...new Array(18).fill(0),
    90,
    0,
    0,
    0,
    5,
    73,
  );
  const row = (...values: number[]) => Uint8Array.of(100, 0, 0, 0, 4 + values.length, ...values);
  const copied = concatenated(whole, row(1, 2, 3), row(), whole, row(4));
  fc.assert(fc.property(fc.array(fc.nat(copied.length)), (cuts) => {
    const given: number[] = [];
    const rows: number[][] = [];
    const check = createFrameCheck({
      isClearAllowed: false,
      onCopied: (bytes, from, to) => rows.push([...bytes.subarray(from, to)]),
    });
    const places = [0, ...cuts.sort((a, b) => a - b), copied.length];
    for (let i = 1; i < places.length; i++) {
      // The memory is used again.
      const piece = copied.slice(places[i - 1], places[i]);
      const { bytes, fault } = check(piece);
      assert.equal(fault, undefined);
      given.push(...bytes ?? []);
      piece.fill(0);
    }
    assert.deepEqual(given, [...whole, ...whole]);
    assert.deepEqual(rows, [[1, 2, 3], [], [4]]);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    createFrameCheck({ isClearAllowed: false })(bytes);
  }));
  const clear = Uint8Array.of(82, 0, 0, 0, 8, 0, 0, 0, 3);
  assert.match(createFrameCheck({ isClearAllowed: false })(clear).fault ?? "", /password without encryption/);
  assert.equal(createFrameCheck({ isClearAllowed: true })(clear).fault, undefined);
  assert.match(createFrameCheck({ isClearAllowed: true })(row(1)).fault ?? "", /does not speak/);
});

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A server that answers each connection, after it has read something, with the same bytes. */
function startAnswering(answer: () => Uint8Array): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) {
      void (async () => {
        try {
          await conn.read(new Uint8Array(1_024));
          await conn.write(answer());
          while (await conn.read(new Uint8Array(1_024)) !== null);
        } catch { /* The client is gone. */ }
        try {
          conn.close();
        } catch { /* It is closed. */ }
      })();
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** Forwards a server, but for one byte of what it sends. */
function startBreakingProxy(target: number, at: number, change: number): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const all: Deno.Conn[] = [];
  const pump = async (from: Deno.Conn, to: Deno.Conn, alter: (bytes: Uint8Array) => void) => {
    const buffer = new Uint8Array(16_384);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        const bytes = buffer.subarray(0, count);
        alter(bytes);
        for (let sent = 0; sent < count;) sent += await to.write(bytes.subarray(sent));
      }
    } catch { /* One side is gone. */ }
    for (const conn of [from, to]) {
      try {
        conn.close();
      } catch { /* It is closed. */ }
    }
  };
  const serving = (async () => {
    for await (const conn of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
      all.push(conn, server);
      let passed = 0;
      void pump(conn, server, () => {});
      void pump(server, conn, (bytes) => {
        const place = at - passed;
        if (place >= 0 && place < bytes.length) bytes[place] = (bytes[place] + change) % 256;
        passed += bytes.length;
      });
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of all) {
        try {
          conn.close();
        } catch { /* It is closed. */ }
      }
      await serving;
    },
  };
}
