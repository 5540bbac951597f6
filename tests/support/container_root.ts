import { dirname, join } from "node:path";
import type { ContainerStage } from "./dockerfile.ts";
import type { Outcome } from "./program.ts";

/** A folder that a process takes for the root: with what the final image has, and what a container runtime mounts. */
export interface BareRoot {
  /** Starts the image's entry point as process 1 of a new PID namespace, with only the image's user and environment. */
  spawn(words: readonly string[], env?: Readonly<Record<string, string>>): Deno.ChildProcess;
  /** Runs it to its end. */
  run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Sends a signal to process 1 of what was spawned, as a container runtime does. */
  signal(child: Deno.ChildProcess, signal: Deno.Signal): Promise<void>;
  /** All files but those of the volume. */
  listFiles(): Promise<string[]>;
}

/** The libraries of the base image: those of the C library, and libgcc_s. */
const imageLibraries = /^(libc|libm|libdl|libpthread|librt|libgcc_s|ld-linux-[\w-]+)\.so(\.\d+)+$/;

/**
 * The root of the process, its user and its process number 1, in namespaces that end with it. The root is read-only, the
 * volume is not.
 */
const enter = `
set -eu
root="$1" volume="$2" owner="$3" mounts="$4"
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for device in null zero random urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
mount --bind "$volume" "$root/data"
for path in $mounts; do mount --bind "\${root%/root}/mounts$path" "$root$path"; done
mount -o remount,bind,ro "$root"
exec chroot --userspec="$owner" --groups="\${owner#*:}" "$root" "$@"
`;

/** Whether this user may make namespaces and mount in them. */
export function canMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const args = ["--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"];
    return new Deno.Command("unshare", { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/**
 * Makes a root for an executable.
 *
 * @param mounts Folders that are mounted besides the volume, as paths in the root. Outside, each is in the folder's `mounts`.
 * @throws {Error} where the executable needs a library that the base image does not have.
 */
export async function makeBareRoot(
  folder: string,
  stage: ContainerStage,
  executable: string,
  mounts: readonly string[] = [],
): Promise<BareRoot> {
  const [root, volume] = [join(folder, "root"), join(folder, "volume")];
  const owner = `${stage.user.uid}:${stage.user.gid}`;
  for (const path of ["proc", "dev", "data", "etc"]) await Deno.mkdir(join(root, path), { recursive: true });
  for (const device of ["null", "zero", "random", "urandom"]) {
    await Deno.writeTextFile(join(root, "dev", device), "");
  }
  await Deno.writeTextFile(
    join(root, "etc/passwd"),
    `nonroot:x:${owner}:nonroot:/home/nonroot:/sbin/nologin\n`,
  );
  for (const path of mounts) await Deno.mkdir(join(root, path), { recursive: true });
  for (const path of [volume, ...mounts.map((path) => join(folder, "mounts", path))]) {
    await Deno.mkdir(path, { recursive: true });
    await Deno.chown(path, stage.user.uid, stage.user.gid);
  }
  // The folder above is for its maker alone, and the image's user must pass through it.
  await Deno.chmod(folder, 0o755);
  await copy(executable, join(root, stage.entrypoint[0]));
  for (const library of await librariesOf(executable)) await copy(library, join(root, library));

  const spawn: BareRoot["spawn"] = (words, env = {}) =>
    new Deno.Command("unshare", {
      args: [
        ...["--mount", "--pid", "--fork", "--kill-child"],
        ...["sh", "-c", enter, "enter", root, volume, owner, mounts.join(" "), ...stage.entrypoint, ...words],
      ],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", ...stage.env, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();

  return {
    spawn,
    async run(words, env) {
      const { code, stdout, stderr } = await spawn(words, env).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
    async signal({ pid }, signal) {
      const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
      Deno.kill(Number(children), signal);
    },
    listFiles: () => filesIn(root),
  };
}

async function librariesOf(executable: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ldd", { args: [executable] }).output();
  const paths = [...new TextDecoder().decode(stdout).matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)].map(([, path]) =>
    path
  );
  const foreign = paths.filter((path) => !imageLibraries.test(path.split("/").at(-1) ?? ""));
  if (foreign.length > 0) throw new Error(`The base image does not have ${foreign.join(", ")}.`);
  return paths;
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(from, to);
}

async function filesIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    paths.push(...isDirectory ? await filesIn(path) : [path]);
  }
  return paths.sort();
}
