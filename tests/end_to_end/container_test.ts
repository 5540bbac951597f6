import assert from "node:assert/strict";
import { join } from "node:path";
import { type BareRoot, canMount, makeBareRoot } from "../support/container_root.ts";
import { type ContainerStage, readStage } from "../support/dockerfile.ts";
import { downgradeStore } from "../support/downgraded_store.ts";
import { inFolder, root } from "../support/program.ts";
import { whenReady } from "../support/serve_process.ts";

const dockerfile = await Deno.readTextFile(join(root, "Dockerfile"));

/** An image of the Dockerfile: what names its executable, and what its permissions are for. */
interface Image {
  readonly name: string;
  readonly variable: string;
  readonly checkPermissions: (bare: BareRoot) => Promise<void>;
}

const images: readonly Image[] = [
  { name: "confined", variable: "CLICKWELL_CONFINED", checkPermissions: keepToItself },
  { name: "fleet", variable: "CLICKWELL_FLEET", checkPermissions: reachOthers },
];

for (const { name, variable, checkPermissions } of images) {
  const stage = readStage(dockerfile, name);
  const executable = Deno.env.get(variable);
  const missing = !executable
    ? `${variable} does not name what deno task build --${name} makes`
    : canMount()
    ? undefined
    : "this user may not mount, which a bare root needs";
  if (missing) console.log(`skipped: the ${name} executable in a bare root: ${missing}`);

  Deno.test(`Dockerfile, ${name}: an unprivileged user, one volume, its own health check, and signals that reach the program`, () => {
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
      `container, ${name}: all of it works as process 1 without privileges, on a read-only root with nothing but the image's files`,
    ignore: missing !== undefined,
    fn: () =>
      inFolder(async (folder) => {
        const bare = await makeBareRoot(folder, stage, join(root, executable ?? ""));
        const before = await bare.listFiles();
        await prepareModel(bare);
        await splitOlder(bare, stage, join(folder, "volume"));
        await servePredictions(bare, stage);
        await keepWithinVolume(bare);
        await checkPermissions(bare);
        assert.deepEqual(await bare.listFiles(), before, "nothing was written outside of the volume");
      }),
  });
}

Deno.test("Dockerfile: docker build without a target makes the image that has no network", () => {
  assert.deepEqual(readStage(dockerfile), readStage(dockerfile, "confined"));
  assert.match(dockerfile.trimEnd().split("\n").at(-1) ?? "", /clickwell-confined/);
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
async function splitOlder(bare: BareRoot, stage: ContainerStage, volume: string): Promise<void> {
  downgradeStore(volume);
  Deno.chownSync(join(volume, "clickwell.db"), stage.user.uid, stage.user.gid);
  const { code, stderr } = await bare.run(["models", "activate", "1", "--reason", "split"]);
  assert.equal(code, 0, stderr);
  const names = [...Deno.readDirSync(volume)].map(({ name }) => name);
  assert.ok(names.includes("tables.db") && !names.includes("clickwell.split"), names.join());
}

/** The image's own command, on a free port. */
async function servePredictions(bare: BareRoot, stage: ContainerStage): Promise<void> {
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
}

async function keepToItself(bare: BareRoot): Promise<void> {
  const calling = await bare.run(["healthcheck", "--url", "http://192.0.2.1"]);
  assert.equal(calling.code, 1);
  assert.match(calling.stderr, /Requires net access to "192\.0\.2\.1:80"/);
}

/** Another host, which is one of this machine's other addresses. */
async function reachOthers(bare: BareRoot): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.2", port: 0, onListen: () => {} },
    () => new Response("ready"),
  );
  try {
    const { code, stderr } = await bare.run(["healthcheck", "--url", `http://127.0.0.2:${server.addr.port}`]);
    assert.equal(code, 0, stderr);
  } finally {
    await server.shutdown();
  }
}
