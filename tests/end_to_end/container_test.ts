import assert from "node:assert/strict";
import { join } from "node:path";
import { type BareRoot, canMount, makeBareRoot } from "../support/container_root.ts";
import { readStage } from "../support/dockerfile.ts";
import { downgradeStore } from "../support/downgraded_store.ts";
import { inFolder, root } from "../support/program.ts";
import { whenReady } from "../support/serve_process.ts";

const executable = Deno.env.get("CLICKWELL_CONFINED");
const missing = !executable
  ? "CLICKWELL_CONFINED does not name what deno task build --confined makes"
  : canMount()
  ? undefined
  : "this user may not mount, which a bare root needs";
if (missing) console.log(`skipped: the container's executable in a bare root: ${missing}`);

const stage = readStage(await Deno.readTextFile(join(root, "Dockerfile")));

Deno.test("Dockerfile: an unprivileged user, one volume, its own health check, and signals that reach the program", () => {
  assert.deepEqual(stage.user, { uid: 65532, gid: 65532 });
  assert.deepEqual(stage.volumes, ["/data"]);
  assert.equal(stage.stopSignal, "SIGTERM");
  assert.deepEqual(stage.entrypoint, ["/usr/bin/clickwell"]);
  assert.deepEqual(stage.command, ["serve"]);
  assert.equal(stage.healthcheck[0], stage.entrypoint[0]);
  assert.match(stage.base, /^gcr\.io\/distroless\/cc-debian\d+:nonroot$/);
});

Deno.test({
  name:
    "container: all of it works as process 1 without privileges, on a read-only root with nothing but the image's files",
  ignore: missing !== undefined,
  fn: () =>
    inFolder(async (folder) => {
      const bare = await makeBareRoot(folder, stage, join(root, executable ?? ""));
      const before = await bare.listFiles();
      await prepareModel(bare);
      await splitOlder(bare, join(folder, "volume"));
      await servePredictions(bare);
      await keepWithinVolume(bare);
      assert.deepEqual(await bare.listFiles(), before, "nothing was written outside of the volume");
    }),
});

/** Enough rows for a reader thread and fitting threads: both workers must be in the executable. */
const offers = "60000";

async function prepareModel(bare: BareRoot): Promise<void> {
  const tables = "/data/tables";
  for (
    const words of [
      ["--version"],
      ["generate", "--offers", offers, "--out", tables],
      [
        "ingest",
        ...["leads", "offers", "clicks"].flatMap((name) => [`--${name}`, `${tables}/${name}.parquet`]),
      ],
      ["train", "--threads", "2"],
      ["train", "--hidden", "8", "--epochs", "1"],
      ["train", "--repeat", "2"],
    ]
  ) {
    const { code, stderr } = await bare.run(words);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
  }
}

/** A store of an earlier version is split by the container's permissions, too. */
async function splitOlder(bare: BareRoot, volume: string): Promise<void> {
  downgradeStore(volume);
  Deno.chownSync(join(volume, "clickwell.db"), stage.user.uid, stage.user.gid);
  const { code, stderr } = await bare.run(["models", "activate", "1", "--reason", "split"]);
  assert.equal(code, 0, stderr);
  const names = [...Deno.readDirSync(volume)].map(({ name }) => name);
  assert.ok(names.includes("tables.db") && !names.includes("clickwell.split"), names.join());
}

/** The image's own command, on a free port. */
async function servePredictions(bare: BareRoot): Promise<void> {
  const env = { CLICKWELL_PORT: "0", CLICKWELL_ADMIN_TOKEN: "a-token-for-this-test-alone" };
  const child = bare.spawn(stage.command, env);
  await using server = await whenReady(child);
  assert.match(server.ready.model_id ?? "", /^cw-/);
  const url = { CLICKWELL_URL: `http://127.0.0.1:${server.port}` };
  const [, ...healthcheck] = stage.healthcheck;
  const { code, stderr } = await bare.run(healthcheck, url);
  assert.equal(code, 0, stderr);
  const response = await fetch(`${url.CLICKWELL_URL}/predict`, { method: "POST", body: "{}" });
  assert.equal(response.status, 422, "it answers, and says what is missing");
  await response.body?.cancel();
  await bare.signal(child, "SIGTERM");
  assert.equal((await server.ended()).code, 0, "it ends in order");
}

/** Even where the system would let it, its own permissions do not. */
async function keepWithinVolume(bare: BareRoot): Promise<void> {
  const reading = await bare.run(["ingest", "--offers", "/etc/passwd"]);
  assert.equal(reading.code, 1);
  assert.match(reading.stderr, /\/etc\/passwd does not exist or is not readable/);
  const writing = await bare.run(["generate", "--out", "/elsewhere"]);
  assert.equal(writing.code, 1);
  assert.match(writing.stderr, /\/elsewhere/);
  const calling = await bare.run(["healthcheck", "--url", "http://192.0.2.1"]);
  assert.equal(calling.code, 1);
  assert.match(calling.stderr, /Requires net access to "192\.0\.2\.1:80"/);
}
