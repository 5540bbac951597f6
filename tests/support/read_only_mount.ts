import { program } from "./program.ts";

/** Whether this user may mount folders in a new namespace, and so make one that not even root can write to. */
export function canMountReadOnly(): boolean {
  if (Deno.build.os !== "linux") return false;
  const folder = Deno.makeTempDirSync();
  try {
    const { code } = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", `${mounts([folder])} && ! touch "$0/x" 2>/dev/null`, folder],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return code === 0;
  } catch {
    return false;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Starts the program where some folders cannot be written. */
export function spawnReadOnly(folders: readonly string[], args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", `${mounts(folders)} && exec "$0" "$@"`, ...program, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Lets a program that was started so write to a folder from now on. */
export async function makeWritable(pid: number, folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("nsenter", {
    args: ["--target", String(pid), "--mount", "mount", "-o", "remount,bind,rw", folder],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function mounts(folders: readonly string[]): string {
  return folders.map((path) => `mount --bind '${path}' '${path}' && mount -o remount,bind,ro '${path}'`).join(
    " && ",
  );
}
