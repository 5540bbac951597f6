import assert from "node:assert/strict";
import { join } from "node:path";
import { createAwsKeys } from "../../../pipeline/object_store/credentials/aws_keys.ts";
import { parseProfiles, regionOfProfile } from "../../../pipeline/object_store/credentials/aws_profile.ts";
import { createExpiring } from "../../../pipeline/object_store/credentials/expiring.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { serveS3 } from "../../support/object_server.ts";
import { objectsAt, testSecret, testTiming } from "../../support/object_stores.ts";
import { inFolder } from "../../support/program.ts";

const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const nowhere = { AWS_EC2_METADATA_DISABLED: "true" };

type Variables = Readonly<Record<string, string>>;

async function keysOf(variables: Variables, profile?: string) {
  const context = { region: "eu-west-1", profile, timing: testTiming };
  return await createAwsKeys({ ...context, variable: (name) => ({ ...nowhere, ...variables })[name] }).get();
}

/** Runs a test with a server of credentials. @param answer Answers to a path. */
async function withServer(
  answer: (request: Request, path: string) => Response | Promise<Response>,
  test: (origin: string, paths: string[]) => Promise<void>,
): Promise<void> {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    paths.push(`${request.method} ${pathname}`);
    return answer(request, pathname);
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}`, paths);
  } finally {
    await server.shutdown();
  }
}

const document = () =>
  Response.json({ AccessKeyId: "AKIA1", SecretAccessKey: testSecret, Token: "token", Expiration: soon() });
const found = { accessKeyId: "AKIA1", secretAccessKey: testSecret, sessionToken: "token" };

Deno.test("AWS keys: of the environment", async () => {
  const variables = { AWS_ACCESS_KEY_ID: "AKIA1", AWS_SECRET_ACCESS_KEY: testSecret };
  assert.deepEqual(await keysOf({ ...variables, AWS_SESSION_TOKEN: "token" }), found);
  assert.deepEqual(await keysOf(variables), { ...found, sessionToken: undefined });
  await assertRejected(
    keysOf({ AWS_ACCESS_KEY_ID: "AKIA1" }),
    "artifacts-unavailable",
    /one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is not set/,
  );
});

Deno.test("AWS keys: of a profile in the shared credentials file", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "credentials");
    await Deno.writeTextFile(
      file,
      `# comment\n[default]\naws_access_key_id = AKIA0\naws_secret_access_key=abc+/=\n\n[other one]\r\n` +
        `aws_access_key_id=AKIA1\r\naws_secret_access_key = ${testSecret}\r\naws_session_token = token\r\n[empty]\nregion=x\n`,
    );
    const config = join(folder, "config");
    await Deno.writeTextFile(config, "[profile other one]\nregion = eu-north-1\n");
    const variables = { AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: config };
    assert.equal((await keysOf(variables)).accessKeyId, "AKIA0");
    assert.equal((await keysOf(variables)).secretAccessKey, "abc+/=");
    assert.deepEqual(await keysOf({ ...variables, AWS_PROFILE: "other one" }), found);
    assert.deepEqual(await keysOf(variables, "other one"), found);
    const variable = (name: string) => ({ ...variables, AWS_PROFILE: "other one" } as Variables)[name];
    assert.equal(regionOfProfile({ variable }), "eu-north-1");
    assert.equal(regionOfProfile({ variable }, "default"), undefined);
    const without = /profile (empty|none) of AWS's credentials file: it has no aws_access_key_id/;
    await assertRejected(keysOf(variables, "empty"), "artifacts-unavailable", without);
    await assertRejected(keysOf({ ...variables, AWS_PROFILE: "none" }), "artifacts-unavailable", without);
    await Deno.mkdir(join(folder, ".aws"));
    await Deno.copyFile(file, join(folder, ".aws", "credentials"));
    assert.equal((await keysOf({ HOME: folder })).accessKeyId, "AKIA0");
    await Deno.remove(file);
    await assertRejected(keysOf(variables, "other one"), "artifacts-unavailable", /there is no such file/);
  });
});

Deno.test("a profile's file: sections, comments, spaces", () => {
  const text = '[a]\nx=1\n#x=2\n;x=3\n  x=4\n[profile "b c"]\nX = y = z \n[a]\nw=5\n';
  assert.deepEqual([...parseProfiles(text)], [["a", { x: "1", w: "5" }], ["b c", { x: "y = z" }]]);
});

Deno.test("AWS keys: of a web identity, which STS exchanges", async () => {
  const result = () =>
    `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIA1</AccessKeyId>
      <SecretAccessKey>${testSecret}</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${soon()}</Expiration>
    </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
  let answer = () => new Response(result());
  const forms: URLSearchParams[] = [];
  await inFolder((folder) =>
    withServer(async (request) => {
      forms.push(new URLSearchParams(await request.text()));
      return answer();
    }, async (origin) => {
      const file = join(folder, "token");
      await Deno.writeTextFile(file, "the-web-identity\n");
      const variables = {
        AWS_WEB_IDENTITY_TOKEN_FILE: file,
        AWS_ROLE_ARN: "arn:aws:iam::1:role/r",
        AWS_ENDPOINT_URL_STS: origin,
      };
      assert.deepEqual(await keysOf(variables), found);
      assert.equal(forms[0].get("Action"), "AssumeRoleWithWebIdentity");
      assert.equal(forms[0].get("RoleArn"), "arn:aws:iam::1:role/r");
      assert.equal(forms[0].get("WebIdentityToken"), "the-web-identity");
      const fails = async (message: RegExp) => {
        const rejected = keysOf(variables);
        await assertRejected(rejected, "artifacts-unavailable", message);
        const { message: text } = await rejected.catch((error) => error) as Error;
        assert.doesNotMatch(text, /the-web-identity|secret-key/);
      };
      answer = () =>
        new Response(
          "<ErrorResponse><Error><Code>AccessDenied</Code><Message>the-web-identity</Message></Error></ErrorResponse>",
          {
            status: 403,
          },
        );
      await fails(/AWS STS.*: status 403 \(AccessDenied\)/);
      answer = () => new Response("<html>the-web-identity</html>");
      await fails(/the answer has no AccessKeyId/);
      answer = () =>
        new Response(result().replace(/<Expiration>.*<\/Expiration>/, "<Expiration>then</Expiration>"));
      await fails(/the time at which they expire is not a date/);
      await Deno.remove(file);
      await fails(/there is no such file/);
    })
  );
});

Deno.test("AWS keys: of a container, by its own server only", async () => {
  await inFolder((folder) =>
    withServer((request) => {
      if (request.headers.get("authorization") !== "pod-token") return new Response("no", { status: 401 });
      return document();
    }, async (origin, paths) => {
      const url = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${origin}/v1/credentials` };
      assert.deepEqual(await keysOf({ ...url, AWS_CONTAINER_AUTHORIZATION_TOKEN: "pod-token" }), found);
      const file = join(folder, "token");
      await Deno.writeTextFile(file, "pod-token");
      assert.deepEqual(await keysOf({ ...url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }), found);
      assert.deepEqual(paths, ["GET /v1/credentials", "GET /v1/credentials"]);
      await assertRejected(
        keysOf(url),
        "artifacts-unavailable",
        /the container's credentials server: status 401/,
      );
      for (const uri of ["http://example.com/x", "http://127.0.0.1.example.com/", "nonsense"]) {
        await assertRejected(
          keysOf({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }),
          "artifacts-unavailable",
          /neither of https nor of a container's own address/,
        );
      }
    })
  );
});

Deno.test("AWS keys: of an instance, by the second version of its metadata service", async () => {
  await withServer((request, path) => {
    if (path === "/latest/api/token") {
      const isRight = request.method === "PUT" && request.headers.has("x-aws-ec2-metadata-token-ttl-seconds");
      return new Response("metadata-token", { status: isRight ? 200 : 400 });
    }
    if (request.headers.get("x-aws-ec2-metadata-token") !== "metadata-token") {
      return new Response("", { status: 401 });
    }
    return path.endsWith("/security-credentials/") ? new Response("my-role") : document();
  }, async (origin, paths) => {
    const variables = { AWS_EC2_METADATA_DISABLED: "false", AWS_EC2_METADATA_SERVICE_ENDPOINT: origin };
    assert.deepEqual(await keysOf(variables), found);
    assert.deepEqual(paths, [
      "PUT /latest/api/token",
      "GET /latest/meta-data/iam/security-credentials/",
      "GET /latest/meta-data/iam/security-credentials/my-role",
    ]);
  });
  await assertRejected(
    keysOf({}),
    "artifacts-unavailable",
    /Cannot get credentials for S3: there are none\. Set AWS_ACCESS_KEY_ID/,
  );
});

Deno.test("credentials are fetched once for all who wait, and again before they expire", async () => {
  let time = 0;
  let count = 0;
  let isDown = false;
  const keys = createExpiring(() => {
    if (isDown) return Promise.reject(new Error("down"));
    return Promise.resolve({ value: ++count, expiresAt: time + 3_600_000 });
  }, () => time);
  assert.deepEqual(await Promise.all([keys.get(), keys.get(), keys.get()]), [1, 1, 1]);
  time = 3_290_000;
  assert.equal(await keys.get(), 1);
  time = 3_310_000;
  assert.equal(await keys.get(), 2, "five minutes before the end");
  isDown = true;
  time += 3_590_000;
  assert.equal(await keys.get(), 2, "they are still valid");
  time += 5_000;
  assert.equal(await keys.get(), 2, "the next attempt is later");
  time += 6_000;
  await assert.rejects(keys.get(), /down/);
  isDown = false;
  assert.equal(await keys.get(), 3);
  assert.equal(keys.drop(), false, "new ones would be rejected, too");
  time += 10_000;
  assert.equal(keys.drop(), true);
  assert.equal(await keys.get(), 4);
});

Deno.test("credentials of a short life are used for two thirds of it", async () => {
  let time = 0;
  let count = 0;
  const keys = createExpiring(
    () => Promise.resolve({ value: ++count, expiresAt: time + 60_000 }),
    () => time,
  );
  assert.equal(await keys.get(), 1);
  time = 39_000;
  assert.equal(await keys.get(), 1);
  time = 41_000;
  assert.equal(await keys.get(), 2);
});

Deno.test("S3: a session's token is sent; the secret key never is", async () => {
  await using server = serveS3();
  const variables = {
    ...{ AWS_ACCESS_KEY_ID: "AKIA1", AWS_SECRET_ACCESS_KEY: testSecret, AWS_SESSION_TOKEN: "the-token" },
    AWS_ENDPOINT_URL: server.origin,
  };
  await objectsAt("s3://bucket/a", variables).get("x");
  const headers = [...server.seen[0].headers].join("\n");
  assert.match(headers, /x-amz-security-token,the-token/);
  assert.ok(!headers.includes(testSecret));
});
