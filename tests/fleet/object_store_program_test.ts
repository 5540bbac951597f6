import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run, type Surroundings } from "../support/program.ts";
import { serveGcs, serveS3 } from "../support/object_server.ts";
import { testKeys, testSecret } from "../support/object_stores.ts";
import { postJson, startServe } from "../support/serve_process.ts";
import { fakeGcs, versitygw } from "./object_servers.ts";

/** An object store with the bucket `bucket`, and the environment by which the program finds it. */
interface Place {
  readonly name: string;
  start(): Promise<AsyncDisposable & { readonly origin: string } | undefined>;
  readonly url: string;
  env(origin: string): Readonly<Record<string, string>>;
}

const s3 = {
  url: "s3://bucket/team/models",
  env: (origin: string) => ({ ...testKeys, AWS_ENDPOINT_URL: origin }),
};
const gcs = {
  url: "gs://bucket/team/models",
  env: (origin: string) => ({ STORAGE_EMULATOR_HOST: origin }),
};

/** The real servers, where they are installed. */
const places: readonly Place[] = [
  versitygw
    ? { name: "versitygw", start: async () => await versitygw?.start(testKeys), ...s3 }
    : { name: "a stand-in of S3", start: () => Promise.resolve(serveS3()), ...s3 },
  fakeGcs
    ? { name: "fake-gcs-server", start: async () => await fakeGcs?.start(), ...gcs }
    : { name: "a stand-in of Cloud Storage", start: () => Promise.resolve(serveGcs()), ...gcs },
];

for (const { name } of places) {
  if (name.startsWith("a stand-in")) {
    console.log(`skipped: a real server in place of ${name}: deno task test-fleet has not installed it`);
  }
}

const rows = [
  "id,x,c,clicked",
  ...Array.from(
    { length: 400 },
    (_, i) => `${i},${(i % 13) - 6},${"abcd"[i % 4]},${i % 13 > (i % 7) + 3 ? 1 : 0}`,
  ),
].join("\n");

for (const place of places) {
  Deno.test({
    name:
      `${place.name}: every command that reads or writes models does so there, with the program's own permissions`,
    fn: () =>
      inFolder(async (folder) => {
        await using server = await place.start();
        if (!server) return;
        await useEveryCommand(folder, place.url, { env: { HOME: folder, ...place.env(server.origin) } });
      }),
  });
}

async function useEveryCommand(folder: string, url: string, surroundings: Surroundings): Promise<void> {
  const data = join(folder, "data");
  const file = join(folder, "rows.csv");
  await Deno.writeTextFile(file, rows);
  const places = ["--data", data, "--models", url];
  const call = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([...args, ...places, "--json", "--quiet"], surroundings);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    assert.ok(!(stdout + stderr).includes(testSecret));
    return JSON.parse(stdout);
  };
  const first = await call("train", file, "--label", "clicked");
  assert.equal(first.path, `${url}/${first.model_id}`);
  // The settings that were written name the place.
  const config = join(data, "clickwell.json");
  const { stdout } = await run(["train", "--config", config, "--penalty", "none", "--json"], surroundings);
  const second = JSON.parse(stdout);
  assert.equal(second.path, `${url}/${second.model_id}`);
  // As on another machine: with the registry, and without a copy of a model.
  const forget = () => Deno.remove(join(data, "models-cache"), { recursive: true });
  await forget();
  assert.equal((await call("models", "show", "1")).model_id, first.model_id);
  assert.equal((await call("models", "compare", "1", "2")).same_rows, true);
  assert.equal((await call("evaluate", "2")).model_id, second.model_id);
  await forget();
  assert.equal((await call("predict", file, "--out", join(folder, "out.csv"))).model_id, first.model_id);
  await call("models", "activate", "2");
  await forget();
  const exported = join(folder, "exported");
  const { files } = await call("models", "export", "1", exported);
  assert.ok(files.includes("report.html"));
  await serveThem({ first: first.model_id, second: second.model_id }, places, surroundings);
  assert.deepEqual((await call("models", "delete", "1")).deleted, [{ model_id: first.model_id, version: 1 }]);
  const gone = await run(["evaluate", first.model_id, ...places], surroundings);
  assert.match(gone.stderr, /There is no model cw-/);
  assert.equal((await call("models", "import", exported)).model_id, first.model_id);
  await forget();
  assert.equal((await call("evaluate", first.model_id)).model_id, first.model_id);
  assert.equal((await call("train", "--repeat", "2")).agrees, true);
  assert.ok(
    (await call("sweep", "--config", config, "--C", "0.1,0.2", "--folds", "3")).path.startsWith(`${url}/cw-`),
  );
  const pruned = await call("models", "prune", "--keep", "0");
  assert.ok(pruned.deleted.length > 0);
}

async function serveThem(
  { first, second }: { readonly first: string; readonly second: string },
  places: readonly string[],
  surroundings: Surroundings,
): Promise<void> {
  await using server = await startServe([...places, "--workers", "2", "--drain-delay", "0"], surroundings);
  assert.equal(server.ready.model_id, second);
  const row = { x: 3, c: "a" };
  assert.equal((await postJson(server.origin, "/predict", row)).status, 200);
  const { status } = await postJson(server.origin, `/v2/repository/models/${first}/load`, {});
  assert.equal(status, 200);
  const report = await fetch(`${server.origin}/models/1/report`);
  assert.match(await report.text(), /<svg/);
  assert.equal((await postJson(server.origin, "/model", { model_id: first })).status, 200);
  assert.equal((await postJson(server.origin, "/model/rollback", {})).status, 200);
}

Deno.test("wrong settings of the object store end a training before it begins, name what is wrong, and leave nothing", () =>
  inFolder(async (folder) => {
    await using server = serveS3();
    const file = join(folder, "rows.csv");
    await Deno.writeTextFile(file, rows);
    const wrong: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
      ["s3://nobucket/x", {}, /Cannot read s3:\/\/nobucket\/x\/check: there is no bucket nobucket/],
      ["s3://b", {}, /its bucket is not one/],
      ["s3://bucket/x?regoin=1", {}, /has the parameter "regoin"/],
      ["ftp://bucket/x", {}, /expected a folder, s3:\/\/BUCKET\/PREFIX/],
      ["s3://bucket/x?profile=none", {}, /the profile none of AWS's credentials file/],
      [
        "s3://bucket/x",
        { AWS_SECRET_ACCESS_KEY: "" },
        /one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is not set/,
      ],
      ["s3://bucket/x", { AWS_ENDPOINT_URL: "nonsense" }, /AWS_ENDPOINT_URL is not the URL of a server/],
      ["gs://bucket/x", { GOOGLE_APPLICATION_CREDENTIALS: join(folder, "none") }, /there is no such file/],
    ];
    for (const [url, variables, message] of wrong) {
      const data = join(folder, "data");
      const env = { HOME: folder, ...testKeys, AWS_ENDPOINT_URL: server.origin, ...variables };
      const args = ["train", file, "--label", "clicked", "--data", data, "--models", url];
      const { code, stderr } = await run(args, { env });
      assert.notEqual(code, 0, url);
      assert.match(stderr, message);
      assert.ok(!stderr.includes(testSecret) && !stderr.includes("    at "), stderr);
      await assert.rejects(Deno.stat(data), Deno.errors.NotFound, url);
    }
    assert.equal(server.objects.size, 0);
  }));
