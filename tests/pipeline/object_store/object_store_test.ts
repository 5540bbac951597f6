import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import type { OpenObjects } from "../../../pipeline/object_store/open_objects.ts";
import { bucketUrl } from "../../../pipeline/object_store/s3.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { type ObjectServer, serveGcs, serveS3 } from "../../support/object_server.ts";
import { objectsAt, testKeys, testSecret } from "../../support/object_stores.ts";

const bytes = new TextEncoder().encode("some bytes");
const page = "<!DOCTYPE html><title>Sign in</title>";

interface Kind {
  readonly name: string;
  serve(): ObjectServer;
  open(server: ObjectServer): OpenObjects;
}

const kinds: readonly Kind[] = [
  {
    name: "S3",
    serve: () => serveS3(),
    open: ({ origin }) => objectsAt(`s3://bucket/a?endpoint=${origin}`),
  },
  {
    name: "Cloud Storage",
    serve: () => serveGcs(),
    open: ({ origin }) => objectsAt("gs://bucket/a", { STORAGE_EMULATOR_HOST: origin }),
  },
];

function testEach(title: string, test: (objects: OpenObjects, server: ObjectServer) => Promise<void>): void {
  for (const { name, serve, open } of kinds) {
    Deno.test(`${name}: ${title}`, async () => {
      await using server = serve();
      await test(open(server), server);
    });
  }
}

/** What each method does if the server answers nonsense, and what its message names. */
const calls: readonly [string, (objects: OpenObjects) => Promise<unknown>, RegExp][] = [
  ["get", (objects) => objects.get("x/y"), /^Cannot read (s3|gs):\/\/bucket\/a\/x\/y: /],
  ["create", (objects) => objects.create("x/y", bytes), /^Cannot write (s3|gs):\/\/bucket\/a\/x\/y: /],
  ["replace", (objects) => objects.replace("x/y", bytes), /^Cannot write (s3|gs):\/\/bucket\/a\/x\/y: /],
  ["remove", (objects) => objects.remove("x/y"), /^Cannot remove (s3|gs):\/\/bucket\/a\/x\/y: /],
  ["list", (objects) => objects.list("x/"), /^Cannot list (s3|gs):\/\/bucket\/a\/x\/: /],
  ["check", (objects) => objects.check(), /^Cannot read (s3|gs):\/\/bucket\/a\/check: /],
];

testEach("a closed store ends the calls that wait, and later ones", async (objects, server) => {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Response>();
  server.fault = () => {
    asked.resolve();
    return held.promise;
  };
  const waiting = assertRejected(objects.get("x/y"), "artifacts-unavailable", /the program stops/);
  await asked.promise;
  objects.close();
  await waiting;
  await assertRejected(objects.get("x/y"), "artifacts-unavailable", /the program stops/);
  held.resolve(new Response());
});

testEach("a passing failure is asked again", async (objects, server) => {
  for (const status of [429, 500, 502, 503]) {
    let failures = 2;
    server.fault = () => failures-- > 0 ? new Response("busy", { status }) : undefined;
    assert.equal(await objects.get("x/y"), undefined);
  }
  let failures = 1;
  server.fault = () => failures-- > 0 ? cutOff() : undefined;
  assert.equal(await objects.create("x/y", bytes), true);
  assert.deepEqual(await objects.get("x/y"), bytes);
});

testEach("a failure that lasts ends after a few requests, and says what it was", async (objects, server) => {
  server.fault = () => new Response("busy", { status: 503 });
  for (const [name, call, message] of calls) {
    server.seen.length = 0;
    await assertRejected(call(objects), "artifacts-unavailable", message);
    await assertRejected(call(objects), "artifacts-unavailable", /answered with status 503\.$/);
    assert.ok(server.seen.length <= 10, `${name}: ${server.seen.length} requests`);
  }
});

testEach("a server that does not answer is waited for no longer than the limit", async (objects, server) => {
  await using frozen = hold(server);
  for (const [name, call] of calls) {
    const start = performance.now();
    await assertRejected(call(objects), "artifacts-unavailable", /did not answer in 0\.[34]\d* s\.$/);
    // Requests until 0.4 s, each for 0.3 s.
    assert.ok(performance.now() - start < 4_000, name);
  }
  assert.ok(frozen.count > 0);
});

testEach("a read that is not answered is sent again beside it, a write is not", async (objects, server) => {
  await objects.create("x/y", bytes);
  server.seen.length = 0;
  {
    await using _ = hold(server, 1);
    assert.deepEqual(await objects.get("x/y"), bytes);
    assert.equal(server.seen.length, 2);
  }
});

testEach("an answer that is not the store's is a failure, not an object", async (objects, server) => {
  for (const status of [200, 404]) {
    server.fault = ({ method }) =>
      new Response(method === "HEAD" ? null : page, { status, headers: { "content-type": "text/html" } });
    for (const [name, call, message] of calls) {
      // The bytes of an object are checked by who reads them, and to remove what is not there is no failure.
      if ((["get", "check"].includes(name) && status === 200) || name === "remove") continue;
      await assertRejected(call(objects), "artifacts-unavailable", message);
    }
  }
});

testEach(
  "redirects are not followed: they could lead elsewhere with credentials",
  async (objects, server) => {
    let requests = 0;
    const elsewhere = Deno.serve({ port: 0, onListen() {} }, () => new Response(String(++requests)));
    try {
      const location = `http://127.0.0.1:${elsewhere.addr.port}/`;
      for (const status of [301, 302, 307, 308]) {
        server.fault = () => new Response(null, { status, headers: { location } });
        for (const [, call] of calls) {
          await assertRejected(
            call(objects),
            "artifacts-unavailable",
            /redirect \(status 30\d\), which is not followed/,
          );
        }
      }
      assert.equal(requests, 0);
    } finally {
      await elsewhere.shutdown();
    }
  },
);

testEach("an answer that is cut off is read again", async (objects, server) => {
  await objects.create("x/y", bytes);
  let cuts = 2;
  server.fault = () => cuts-- > 0 ? cutOff() : undefined;
  assert.deepEqual(await objects.get("x/y"), bytes);
});

testEach("all pages of a listing are read", async (objects, server) => {
  const names = ["1", "2", "3", "4", "5"].map((name) => `x/${name}`);
  for (const name of [...names, "y/1"]) await objects.create(name, bytes);
  server.pageSize = 2;
  assert.deepEqual(await objects.list("x/"), names);
  assert.deepEqual(await objects.list("z/"), []);
});

testEach(
  "denied access, and a bucket that is not there, are named without secrets",
  async (objects, server) => {
    for (const status of [401, 403]) {
      server.fault = () =>
        new Response(`<Error><Code>AccessDenied</Code><Key>${testSecret}</Key></Error>`, { status });
      for (const [, call] of calls) {
        const error: unknown = await call(objects).catch((error) => error);
        assert.ok(error instanceof Failure);
        assert.match(error.message, /access is denied.*Check the credentials/);
        assert.ok(!error.message.includes(testSecret), error.message);
      }
    }
  },
);

Deno.test("S3: a wrong bucket, a wrong region and an old server are named", async () => {
  await using server = serveS3();
  const other = objectsAt(`s3://nobucket?endpoint=${server.origin}`);
  await assertNoBucket(other);
  const objects = objectsAt(`s3://bucket?endpoint=${server.origin}&region=us-west-2`);
  const wrong = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
  for (
    const answer of [
      () => new Response(wrong, { status: 400 }),
      () => new Response(null, { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" } }),
    ]
  ) {
    server.fault = answer;
    await assertRejected(
      objects.get("x"),
      "artifacts-unavailable",
      /in the region eu-west-1, not in us-west-2\. Set AWS_REGION=eu-west-1/,
    );
  }
  server.fault = () => new Response("<Error><Code>NotImplemented</Code></Error>", { status: 501 });
  await assertRejected(objects.create("x", bytes), "artifacts-unavailable", /status 501 \(NotImplemented\)/);
});

Deno.test("Cloud Storage: a wrong bucket is named, and bytes that were stored otherwise are found", async () => {
  await using server = serveGcs();
  const other = objectsAt("gs://nobucket", { STORAGE_EMULATOR_HOST: server.origin });
  await assertNoBucket(other);
  const objects = objectsAt("gs://bucket", { STORAGE_EMULATOR_HOST: server.origin });
  server.fault = () => Response.json({ name: "x", md5Hash: "AAAA" });
  await assertRejected(
    objects.create("x", bytes),
    "artifacts-unavailable",
    /stored other bytes than were sent/,
  );
});

Deno.test("S3: nobody at the address is a failure that names it", async () => {
  await using server = serveS3();
  const { origin, port } = server;
  await server.stop();
  const objects = objectsAt(`s3://bucket?endpoint=${origin}`);
  await assertRejected(
    objects.get("x"),
    "artifacts-unavailable",
    new RegExp(`: 127\\.0\\.0\\.1:${port}: Connection refused\\.$`),
  );
});

Deno.test("S3: the bucket is in the path for other servers, and in the host for AWS", () => {
  const region = "eu-west-1";
  const endpoint = "https://minio.example:9000/s3";
  assert.equal(bucketUrl({ bucket: "models", region }), "https://models.s3.eu-west-1.amazonaws.com");
  assert.equal(bucketUrl({ bucket: "my.models", region }), "https://s3.eu-west-1.amazonaws.com/my.models");
  assert.equal(
    bucketUrl({ bucket: "models", region: "cn-north-1" }),
    "https://models.s3.cn-north-1.amazonaws.com.cn",
  );
  assert.equal(bucketUrl({ bucket: "models", region, endpoint }), `${endpoint}/models`);
  assert.equal(
    bucketUrl({ bucket: "models", region, endpoint, usePathStyle: false }),
    "https://models.minio.example:9000/s3",
  );
});

Deno.test("S3: the environment names another server, and the URL goes before it", async () => {
  await using server = serveS3();
  for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
    const variables = { ...testKeys, [name]: server.origin, AWS_ENDPOINT_URL_STS: "http://127.0.0.1:9" };
    assert.equal(await objectsAt("s3://bucket/a", variables).get("x"), undefined);
  }
  const variables = { ...testKeys, AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_DEFAULT_REGION: "eu-west-3" };
  server.seen.length = 0;
  assert.equal(await objectsAt(`s3://bucket/a?endpoint=${server.origin}`, variables).get("x"), undefined);
  const authorization = server.seen[0].headers.get("authorization") ?? "";
  assert.match(authorization, /^AWS4-HMAC-SHA256 Credential=testkey\/\d{8}\/eu-west-3\/s3\/aws4_request, /);
  assert.throws(
    () => objectsAt("s3://bucket", { AWS_ENDPOINT_URL: "https://name:password@host" }),
    /AWS_ENDPOINT_URL is not the URL of a server.*without a name or a password/,
  );
});

async function assertNoBucket(objects: OpenObjects): Promise<void> {
  const calls = [
    () => objects.get("x"),
    () => objects.create("x", bytes),
    () => objects.list(""),
    () => objects.check(),
  ];
  for (const call of calls) {
    await assertRejected(call(), "artifacts-unavailable", /: there is no bucket nobucket\. Create it/);
  }
}

function cutOff(): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 3));
      controller.error(new Error("cut off"));
    },
  });
  return new Response(body, { headers: { etag: '"1"' } });
}

/** Holds answers back until the end. @param count The requests that are not answered; default: all. */
function hold(server: ObjectServer, count = Infinity): AsyncDisposable & { count: number } {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const held = {
    count: 0,
    [Symbol.asyncDispose]() {
      server.fault = undefined;
      resolve(new Response(null, { status: 503 }));
      return Promise.resolve();
    },
  };
  server.fault = () => held.count++ < count ? promise : undefined;
  return held;
}
