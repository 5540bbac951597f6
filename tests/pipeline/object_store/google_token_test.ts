import assert from "node:assert/strict";
import { join } from "node:path";
import { createGoogleToken } from "../../../pipeline/object_store/credentials/google_token.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { serveGcs } from "../../support/object_server.ts";
import { objectsAt, testTiming } from "../../support/object_stores.ts";
import { inFolder } from "../../support/program.ts";

type Variables = Readonly<Record<string, string>>;

async function tokenOf(variables: Variables): Promise<string> {
  return await createGoogleToken({ variable: (name) => variables[name], timing: testTiming }).get();
}

/** A server of tokens. Answers to a path with an object, or with a status. */
interface TokenServer {
  readonly origin: string;
  readonly forms: { readonly path: string; readonly body: string; readonly headers: Headers }[];
  answer: (path: string) => Response;
}

async function withServer(test: (server: TokenServer, folder: string) => Promise<void>): Promise<void> {
  const server: TokenServer & { origin: string } = {
    origin: "",
    forms: [],
    answer: () => Response.json({ access_token: "the-token", expires_in: 3_600 }),
  };
  const listening = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    server.forms.push({ path: pathname, body: await request.text(), headers: request.headers });
    return server.answer(pathname);
  });
  server.origin = `http://127.0.0.1:${listening.addr.port}`;
  try {
    await inFolder((folder) => test(server, folder));
  } finally {
    await listening.shutdown();
  }
}

async function writeFile(folder: string, content: unknown): Promise<Variables> {
  const path = join(folder, "credentials.json");
  await Deno.writeTextFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return { GOOGLE_APPLICATION_CREDENTIALS: path };
}

const pair = await crypto.subtle.generateKey(
  {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  },
  true,
  ["sign", "verify"],
);
const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
const pem = `-----BEGIN PRIVATE KEY-----\n${
  der.toBase64().replace(/.{64}/g, "$&\n")
}\n-----END PRIVATE KEY-----\n`;

function serviceAccount(origin: string) {
  return {
    type: "service_account",
    client_email: "clickwell@project.iam.gserviceaccount.com",
    private_key_id: "key-1",
    private_key: pem,
    token_uri: `${origin}/token`,
  };
}

Deno.test("Google's token: by a service account's key, which signs a request for it", () =>
  withServer(async (server, folder) => {
    assert.equal(await tokenOf(await writeFile(folder, serviceAccount(server.origin))), "the-token");
    const form = new URLSearchParams(server.forms[0].body);
    assert.equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [head, claims, signature] = (form.get("assertion") ?? "").split(".");
    const decode = (text: string) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const parse = (text: string) => JSON.parse(new TextDecoder().decode(decode(text)));
    assert.deepEqual(parse(head), { alg: "RS256", typ: "JWT", kid: "key-1" });
    const { iss, aud, iat, exp, scope } = parse(claims);
    assert.deepEqual([iss, aud, exp - iat], [
      "clickwell@project.iam.gserviceaccount.com",
      `${server.origin}/token`,
      3_600,
    ]);
    assert.match(scope, /devstorage\.read_write$/);
    const isValid = await crypto.subtle.verify(
      "RSASSA-PKCS1-v1_5",
      pair.publicKey,
      decode(signature),
      new TextEncoder().encode(`${head}.${claims}`),
    );
    assert.ok(isValid);
  }));

Deno.test("Google's token: of another provider, exchanged, and then of a service account", () =>
  withServer(async (server, folder) => {
    const subject = join(folder, "subject");
    await Deno.writeTextFile(subject, JSON.stringify({ id_token: "the-subject" }));
    const account = {
      type: "external_account",
      audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: `${server.origin}/exchange`,
      credential_source: { file: subject, format: { type: "json", subject_token_field_name: "id_token" } },
    };
    assert.equal(await tokenOf(await writeFile(folder, account)), "the-token");
    const form = new URLSearchParams(server.forms[0].body);
    assert.equal(form.get("subject_token"), "the-subject");
    assert.equal(form.get("audience"), account.audience);
    server.answer = (path) => {
      if (path === "/subject") return new Response("the-subject");
      return path === "/exchange"
        ? Response.json({ access_token: "first", expires_in: 3_600 })
        : Response.json({
          accessToken: "second",
          expireTime: new Date(Date.now() + 3_600_000).toISOString(),
        });
    };
    const impersonating = {
      ...account,
      credential_source: { url: `${server.origin}/subject`, headers: { "Metadata-Flavor": "Test" } },
      service_account_impersonation_url: `${server.origin}/impersonate`,
    };
    server.forms.length = 0;
    assert.equal(await tokenOf(await writeFile(folder, impersonating)), "second");
    const [source, , impersonation] = server.forms;
    assert.equal(source.headers.get("metadata-flavor"), "Test");
    assert.equal(impersonation.headers.get("authorization"), "Bearer first");
    const unknown = await writeFile(folder, { ...account, credential_source: { environment_id: "aws1" } });
    await assertRejected(
      tokenOf(unknown),
      "artifacts-unavailable",
      /credential_source has neither a file nor a url/,
    );
  }));

Deno.test("Google's token: of the metadata server of a machine", () =>
  withServer(async (server) => {
    const variables = { GCE_METADATA_HOST: server.origin.replace("http://", "") };
    assert.equal(await tokenOf(variables), "the-token");
    assert.equal(server.forms[0].path, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert.equal(server.forms[0].headers.get("metadata-flavor"), "Google");
    server.answer = () => new Response("<html>", { status: 404 });
    await assertRejected(
      tokenOf(variables),
      "artifacts-unavailable",
      /Cannot get credentials for Cloud Storage: .*status 404\. Set GOOGLE_APPLICATION_CREDENTIALS/,
    );
  }));

Deno.test("Google's token: what is wrong with a file is said, without what is secret in it", () =>
  withServer(async (server, folder) => {
    const account = serviceAccount(server.origin);
    const wrong: readonly [unknown, RegExp][] = [
      ["{", /it is not a JSON object/],
      [{}, /it has no type/],
      [{ ...account, type: "api_key" }, /its type is not service_account/],
      [{ ...account, private_key: "" }, /it has no private_key/],
      [{ ...account, private_key: pem.slice(0, 300) }, /its private_key is not a key in PKCS #8/],
      [{ ...account, token_uri: "http://tokens.example/" }, /it names a server without TLS/],
    ];
    for (const [content, message] of wrong) {
      const rejected = tokenOf(await writeFile(folder, content));
      await assertRejected(rejected, "artifacts-unavailable", message);
      const error = await rejected.catch((error) => error) as Error;
      assert.ok(!error.message.includes(pem.slice(40, 60)), error.message);
    }
    const variables = await writeFile(folder, account);
    server.answer = () =>
      Response.json({ error: "invalid_grant", error_description: "the-token" }, { status: 400 });
    await assertRejected(tokenOf(variables), "artifacts-unavailable", /status 400 \(invalid_grant\)\.$/);
    server.answer = () => Response.json({ access_token: "the-token", expires_in: "soon" });
    await assertRejected(tokenOf(variables), "artifacts-unavailable", /expires_in is not a number/);
    const missing = { GOOGLE_APPLICATION_CREDENTIALS: join(folder, "none.json") };
    await assertRejected(tokenOf(missing), "artifacts-unavailable", /there is no such file/);
  }));

Deno.test("Cloud Storage: a token is sent, and another one after it was rejected", () =>
  withServer(async (server, folder) => {
    await using storage = serveGcs();
    const objects = objectsAt(
      `gs://bucket/a?endpoint=${storage.origin}`,
      await writeFile(folder, serviceAccount(server.origin)),
    );
    assert.equal(await objects.get("x"), undefined);
    assert.equal(storage.seen[0].headers.get("authorization"), "Bearer the-token");
    storage.fault = () => Response.json({ error: { message: "Invalid Credentials" } }, { status: 401 });
    await assertRejected(objects.get("x"), "artifacts-unavailable", /access is denied, status 401/);
    assert.equal(server.forms.length, 1, "one that has just been fetched is not fetched again");
  }));
