import configuration from "../deno.json" with { type: "json" };

export interface Compilation {
  readonly bundleFolder: string;
  readonly output: string;
  readonly permissions: readonly string[];
  /**
   * Whether to always export telemetry: the runtime of an executable ignores OTEL_DENO at start and uses the setting of the
   * compilation. OTEL_EXPORTER_OTLP_ENDPOINT sets the target.
   */
  readonly telemetry: boolean;
  /** Target triple of another platform; default: that of this machine. */
  readonly target?: string;
  /** Path of the base to compile with, the file denort of the same Deno and target. Default: Deno fetches it. */
  readonly base?: string;
}

/** The permissions of the task `clickwell`, so that the executable has the same. */
export const ordinaryPermissions: readonly string[] = configuration.tasks.clickwell.command
  .split(" ")
  .filter((word) => word.startsWith("--allow-"));

/**
 * Garbage collection: objects of a request die young, and a semi-space of 2 MiB collects them as cheaply as the default of 16,
 * of which each thread has three: two threads under load need two thirds of the memory. The old generation is collected after
 * a growth of 150 %, not 300 %: saves another tenth of the memory, for a few hundredths of a training's time.
 */
const engineFlags = "--max-semi-space-size=2,--heap-growing-percent=150";

/** What a program may read and write, and the hosts that it may connect to or listen on; undefined allows every host. */
interface Limits {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[] | undefined;
}

const ownMachine = ["0.0.0.0", "127.0.0.1", "localhost", "[::]", "[::1]"];

/** Permissions in the container: its volume, mounted secrets, and no network beyond itself. */
export const confinedPermissions: readonly string[] = limited({
  read: ["/data", "/run/secrets"],
  write: ["/data"],
  net: ownMachine,
});

/** Where a step of a Kubeflow pipeline finds its inputs and leaves its outputs, and the workspace that the steps of a run share. */
const pipelineFolders = ["/tmp/kfp", "/gcs", "/s3", "/minio", "/kfp-workspace"];

/** Where Google Cloud puts the sockets of databases. */
const socketFolder = "/cloudsql";

/**
 * Permissions in a fleet's container: also the folders in which Kubernetes, KServe, Kubeflow and Cloud Run mount what it works on, and
 * the network.
 *
 * @param hosts Hosts that it may connect to, with a port or without: those of the registry and of the object store. Empty allows all.
 * @throws {Error} for a host that is not one.
 */
export function fleetPermissions(hosts: readonly string[]): readonly string[] {
  const invalid = hosts.find((host) => !/^(\[[0-9a-fA-F:]+\]|(\*\.)?[\w.-]+)(:\d{1,5})?$/.test(host));
  if (invalid !== undefined) {
    throw new Error(`--host is ${JSON.stringify(invalid)}, expected a host or HOST:PORT.`);
  }
  return limited({
    read: [
      ...["/data", "/run/secrets", "/var/run/secrets", "/etc/clickwell", "/mnt/models", socketFolder],
      ...pipelineFolders,
    ],
    // A socket is connected to by who may write it.
    write: ["/data", socketFolder, ...pipelineFolders],
    net: hosts.length === 0 ? undefined : [...ownMachine, ...hosts],
  });
}

function limited({ read, write, net }: Limits): readonly string[] {
  return ordinaryPermissions.map((flag) => {
    switch (flag) {
      case "--allow-read":
        return `${flag}=${read.join(",")}`;
      case "--allow-write":
        return `${flag}=${write.join(",")}`;
      case "--allow-net":
        return net === undefined ? flag : `${flag}=${net.join(",")}`;
      default:
        return flag;
    }
  });
}

/**
 * Compiles a bundle with the running Deno.
 *
 * The code cache is off: it would be an executed file with a predictable name in the shared folder for temporary files. It would
 * save about 14 ms of the start.
 *
 * @throws {Error} if Deno fails, after it printed the reason.
 */
export async function compile(compilation: Compilation): Promise<void> {
  const { bundleFolder, output, permissions, telemetry, target, base } = compilation;
  const args = [
    "compile",
    "--quiet",
    // The bundle is complete.
    ...["--no-config", "--no-lock", "--no-npm", "--no-remote", "--no-check", "--no-code-cache"],
    ...configuration.unstable.map((feature) => `--unstable-${feature}`),
    `--v8-flags=${engineFlags}`,
    "--no-prompt",
    ...permissions,
    ...["--deny-run", "--deny-ffi"],
    ...(target === undefined ? [] : ["--target", target]),
    ...["--include", bundleFolder, "--output", output, `${bundleFolder}/main.js`],
  ];
  const env = { OTEL_DENO: String(telemetry), ...(base === undefined ? {} : { DENORT_BIN: base }) };
  const { success } = await new Deno.Command(Deno.execPath(), { args, env, stdin: "null" }).spawn().status;
  if (success) return;
  throw new Error(
    `deno compile failed. If it could not fetch its base, the file denort of Deno ${Deno.version.deno}, ` +
      "name one by DENORT_BIN.",
  );
}
