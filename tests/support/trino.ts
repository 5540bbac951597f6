import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free_port.ts";

/** Trino of the tests: the core, and the connectors of files and of memory, from Maven's central repository. */
const version = "476";
const artifacts = [
  `io.trino:trino-server-core:${version}:tar.gz`,
  `io.trino:trino-hive:${version}:zip`,
  `io.trino:trino-memory:${version}:zip`,
];
/** Where it is kept between runs; not in git. */
const home = fileURLToPath(new URL("../engine/.cache/", import.meta.url));
const server = join(home, `trino-server-core-${version}`);
const javaMin = 24;
/** Plug-ins that the tests do not use, which take most of the memory and of the time to start. */
const unused = [
  "geospatial",
  "functions-python",
  "password-authenticators",
  "session-property-managers",
  "resource-group-managers",
];

/** Why Trino cannot be had here; undefined if it can. */
export async function trinoMissing(): Promise<string | undefined> {
  if (Deno.env.get("CLICKWELL_TEST_TRINO") !== "1") {
    return "CLICKWELL_TEST_TRINO=1 fetches 470 MB and needs 2.5 GB of memory";
  }
  if (await javaHome() === undefined) return `no JDK of ${javaMin} or newer`;
  return await runs("mvn", ["--version"]) ? undefined : "no mvn";
}

async function javaHome(): Promise<string | undefined> {
  const folders = existsSync("/usr/lib/jvm")
    ? [...Deno.readDirSync("/usr/lib/jvm")].map(({ name }) => join("/usr/lib/jvm", name))
    : [];
  for (const folder of [Deno.env.get("JAVA_HOME") ?? "", ...folders]) {
    const output = folder === "" ? undefined : await outputOf(join(folder, "bin", "java"), ["-version"]);
    const [, major] = /version "(\d+)/.exec(output ?? "") ?? [];
    if (Number(major) >= javaMin) return folder;
  }
  return undefined;
}

/** A coordinator and a worker on free ports of this machine. */
export interface Trino extends AsyncDisposable {
  /** As `--engine` takes it, without catalog and schema. */
  readonly origin: string;
  /** Folder whose files the catalog `hive` reads: `DATA/NAME/*.parquet` is an external table at `local:///NAME`. */
  readonly dataDir: string;
}

/** An object store whose bucket the catalog `s3` has its tables in. */
export interface TrinoObjects {
  readonly origin: string;
  readonly bucket: string;
  /** AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
  readonly keys: Readonly<Record<string, string>>;
}

/** Fetches Trino if need be, and starts it. Takes about a minute. @param objects Adds the catalog `s3`. */
export async function startTrino(objects?: TrinoObjects): Promise<Trino> {
  const java = await javaHome();
  if (java === undefined) throw new Error("no JDK");
  await fetchTrino(java);
  const folder = await Deno.makeTempDir({ prefix: "clickwell-trino-" });
  const dataDir = join(folder, "lake");
  await Deno.mkdir(dataDir);
  const [port, workerPort] = [freePort(), freePort()];
  const nodes = [{ name: "coordinator", own: port }, { name: "worker", own: workerPort }].map((
    { name, own },
  ) => startNode(java, { folder: join(folder, name), name, own, port, dataDir, objects }));
  const origin = `http://127.0.0.1:${port}`;
  const trino: Trino = {
    origin,
    dataDir,
    async [Symbol.asyncDispose]() {
      for (const node of nodes) {
        try {
          node.kill("SIGKILL");
        } catch { /* It has ended. */ }
        await node.status;
      }
      await Deno.remove(folder, { recursive: true });
    },
  };
  try {
    await ready(origin, nodes);
    return trino;
  } catch (error) {
    await trino[Symbol.asyncDispose]();
    throw error;
  }
}

async function fetchTrino(java: string): Promise<void> {
  if (existsSync(join(server, "complete"))) return;
  const repository = join(home, "repository");
  await Deno.mkdir(repository, { recursive: true });
  for (const artifact of artifacts) {
    const args = [
      "-q",
      "-B",
      `-Dmaven.repo.local=${repository}`,
      "dependency:get",
      "-Dtransitive=false",
      `-Dartifact=${artifact}`,
    ];
    await call("mvn", args, { JAVA_HOME: java });
  }
  const pathOf = (name: string, kind: string) =>
    join(repository, "io", "trino", name, version, `${name}-${version}.${kind}`);
  await call("tar", ["xzf", pathOf("trino-server-core", "tar.gz"), "-C", home]);
  for (const name of ["trino-hive", "trino-memory"]) {
    await call("unzip", ["-q", "-o", pathOf(name, "zip"), "-d", join(server, "plugin")]);
  }
  for (const name of unused) {
    await Deno.remove(join(server, "plugin", name), { recursive: true }).catch(() => {});
  }
  await Deno.writeTextFile(join(server, "complete"), "");
}

interface NodePlan {
  readonly folder: string;
  readonly name: string;
  readonly own: number;
  /** The coordinator's port. */
  readonly port: number;
  readonly dataDir: string;
  readonly objects: TrinoObjects | undefined;
}

function startNode(java: string, { folder, name, own, port, dataDir, objects }: NodePlan): Deno.ChildProcess {
  const etc = join(folder, "etc");
  Deno.mkdirSync(join(etc, "catalog"), { recursive: true });
  const isCoordinator = own === port;
  const write = (file: string, lines: readonly string[]) =>
    Deno.writeTextFileSync(join(etc, file), lines.map((line) => `${line}\n`).join(""));
  write("config.properties", [
    `coordinator=${isCoordinator}`,
    ...(isCoordinator ? ["node-scheduler.include-coordinator=false"] : []),
    `http-server.http.port=${own}`,
    `discovery.uri=http://127.0.0.1:${port}`,
    "query.max-memory=1GB",
    "query.max-memory-per-node=500MB",
    "memory.heap-headroom-per-node=200MB",
    "task.concurrency=2",
    `plugin.dir=${join(server, "plugin")}`,
    `catalog.config-dir=${join(etc, "catalog")}`,
  ]);
  write("log.properties", ["io.trino=WARN"]);
  write("catalog/hive.properties", [
    "connector.name=hive",
    "hive.metastore=file",
    "hive.metastore.catalog.dir=local:///metastore",
    "fs.native-local.enabled=true",
    `local.location=${dataDir}`,
    "hive.non-managed-table-writes-enabled=true",
  ]);
  if (objects) {
    write("catalog/s3.properties", [
      "connector.name=hive",
      "hive.metastore=file",
      `hive.metastore.catalog.dir=s3://${objects.bucket}/metastore`,
      "fs.native-s3.enabled=true",
      `s3.endpoint=${objects.origin}`,
      "s3.region=us-east-1",
      "s3.path-style-access=true",
      `s3.aws-access-key=${objects.keys.AWS_ACCESS_KEY_ID}`,
      `s3.aws-secret-key=${objects.keys.AWS_SECRET_ACCESS_KEY}`,
    ]);
  }
  write("catalog/memory.properties", ["connector.name=memory"]);
  const properties = {
    "node.environment": "test",
    "node.id": name,
    "node.data-dir": join(folder, "data"),
    "node.bind-ip": "127.0.0.1",
    "node.internal-address": "127.0.0.1",
    config: join(etc, "config.properties"),
    "log.levels-file": join(etc, "log.properties"),
  };
  const flags = [
    "-Xmx1200M",
    "-XX:+UseG1GC",
    "--add-modules=jdk.incubator.vector",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
  ];
  const settings = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`);
  return new Deno.Command(join(java, "bin", "java"), {
    args: [...flags, ...settings, "-cp", join(server, "lib", "*"), "io.trino.server.TrinoServer"],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Waits until the worker has joined. @throws {Error} if a node has ended, or after ten minutes. */
async function ready(origin: string, nodes: readonly Deno.ChildProcess[]): Promise<void> {
  const ended = Promise.any(nodes.map(async (node) => {
    await node.status;
    return "ended" as const;
  }));
  for (let tries = 0; tries < 600; tries++) {
    const wait = new Promise<"wait">((resolve) => setTimeout(() => resolve("wait"), 1_000));
    if (await Promise.race([ended, wait]) === "ended") throw new Error("a node of Trino has ended");
    if (await isReady(origin)) return;
  }
  throw new Error("Trino did not start in ten minutes");
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const headers = { "x-trino-user": "test" };
    const [info, nodes] = await Promise.all(
      ["info", "node"].map(async (path) =>
        await (await fetch(`${origin}/v1/${path}`, { headers, signal: AbortSignal.timeout(5_000) })).json()
      ),
    );
    return info.starting === false && nodes.length > 0;
  } catch {
    return false;
  }
}

async function runs(name: string, args: readonly string[]): Promise<boolean> {
  return await outputOf(name, args) !== undefined;
}

async function outputOf(name: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const output = await new Deno.Command(name, { args: [...args], stdin: "null" }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return output.success ? decode(output.stdout) + decode(output.stderr) : undefined;
  } catch {
    return undefined;
  }
}

async function call(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
  })
    .output();
  if (!success) throw new Error(`${name} fails: ${new TextDecoder().decode(stderr).slice(0, 2_000)}`);
}
