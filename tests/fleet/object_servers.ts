import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/free_port.ts";

/** A server of objects, a process of its own, with the bucket `bucket`. */
export interface RunningObjectServer extends AsyncDisposable {
  readonly origin: string;
  /** The folder whose files are the objects, by bucket. */
  readonly folder: string;
  readonly port: number;
  /** Ends it at once; its objects stay. */
  stop(): Promise<void>;
  /** Starts it again on its port, and waits until it listens. */
  start(): Promise<void>;
  /** Stops it without an end of its connections, as a frozen machine would. */
  freeze(): void;
  thaw(): void;
}

interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
}

/** The programs, at the versions that the tests were written with. `deno task test-fleet` installs them. */
export const goPrograms = {
  versitygw: { name: "versitygw", module: "github.com/versity/versitygw/cmd/versitygw", version: "1.8.0" },
  fakeGcs: { name: "fake-gcs-server", module: "github.com/fsouza/fake-gcs-server", version: "1.56.1" },
} as const satisfies Record<string, GoProgram>;

/** The folder of a program: in the user's cache, since building one takes minutes. */
export function folderOf({ name, version }: GoProgram): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? ".", ".cache");
  return join(caches, "clickwell-fleet", `${name}-${version}`);
}

function installed(program: GoProgram): string | undefined {
  const path = join(folderOf(program), program.name);
  return existsSync(path) ? path : undefined;
}

const versitygwPath = installed(goPrograms.versitygw);
const fakeGcsPath = installed(goPrograms.fakeGcs);

/** S3 over a folder, which checks signatures and checksums; undefined if it is not installed. */
export const versitygw = versitygwPath === undefined ? undefined : {
  start(keys: Readonly<Record<string, string>>): Promise<RunningObjectServer> {
    return start(versitygwPath, (port, folder) => [
      ...["--port", `127.0.0.1:${port}`, "--quiet"],
      ...["--access", keys.AWS_ACCESS_KEY_ID, "--secret", keys.AWS_SECRET_ACCESS_KEY],
      ...["posix", "--sidecar", join(folder, "..", "sidecar"), folder],
    ]);
  },
};

/** Cloud Storage's JSON API over a folder; undefined if it is not installed. */
export const fakeGcs = fakeGcsPath === undefined ? undefined : {
  start(): Promise<RunningObjectServer> {
    return start(fakeGcsPath, (port, folder) => [
      ...[
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        String(port),
        "-public-host",
        `127.0.0.1:${port}`,
      ],
      ...["-backend", "filesystem", "-filesystem-root", folder],
    ]);
  },
};

async function start(
  path: string,
  argsOf: (port: number, folder: string) => readonly string[],
): Promise<RunningObjectServer> {
  const root = await Deno.makeTempDir({ prefix: "clickwell-objects-" });
  const folder = join(root, "objects");
  for (const name of ["objects/bucket", "sidecar"]) await Deno.mkdir(join(root, name), { recursive: true });
  const port = freePort();
  const args = [...argsOf(port, folder)];
  const spawn = () => new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let child = spawn();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  const untilListening = () =>
    untilOpen(port).catch(async (error) => {
      await stop();
      throw error;
    });
  await untilListening();
  let isStopped = false;
  return {
    origin: `http://127.0.0.1:${port}`,
    folder,
    port,
    async stop() {
      isStopped = true;
      await stop();
    },
    async start() {
      child = spawn();
      isStopped = false;
      await untilListening();
    },
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      if (!isStopped) await stop();
      await Deno.remove(root, { recursive: true });
    },
  };
}

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      using _ = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nothing listens on port ${port} after ten seconds`);
}
