import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of PostgreSQL's programs; undefined if it is not installed. */
export const postgresPrograms: string | undefined = findPrograms();

function findPrograms(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? [...Deno.readDirSync(debian)].map(({ name }) => join(debian, name, "bin"))
    : [];
  const folders = [...versions.sort().reverse(), ...(Deno.env.get("PATH") ?? "").split(":")];
  return folders.find((folder) =>
    ["initdb", "pg_ctl", "psql"].every((name) => existsSync(join(folder, name)))
  );
}

/** PostgreSQL does not run as root: as `nobody` then. */
const user = Deno.build.os !== "windows" && Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Runs a script of psql in a new database, which is reached through a socket only. @returns Unaligned rows, without headings. */
export async function runPostgres(script: string): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  const cluster = join(folder, "cluster");
  try {
    if (user.uid !== undefined) await Deno.chown(folder, user.uid, user.gid);
    await call("initdb", ["-D", cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"]);
    const options = `-k ${folder} -c listen_addresses='' -c fsync=off`;
    await call("pg_ctl", ["-D", cluster, "-l", join(folder, "log"), "-o", options, "-w", "start"]);
    try {
      const path = join(folder, "script.sql");
      await Deno.writeTextFile(path, script);
      await Deno.chmod(path, 0o644);
      const psql = [
        "-h",
        folder,
        "-U",
        "postgres",
        "-d",
        "postgres",
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
      ];
      return (await call("psql", [...psql, path])).trimEnd().split("\n");
    } finally {
      await call("pg_ctl", ["-D", cluster, "-m", "immediate", "-w", "stop"]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function call(name: string, args: readonly string[]): Promise<string> {
  const output = await new Deno.Command(join(postgresPrograms ?? "", name), {
    args: [...args],
    cwd: "/",
    stdin: "null",
    // pg_ctl leaves its standard streams to the server, and they would never end.
    ...(name === "pg_ctl" ? { stdout: "null" as const, stderr: "null" as const } : {}),
    ...user,
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) {
    throw new Error(`${name} fails${name === "pg_ctl" ? "" : `: ${decode(output.stderr).slice(0, 2_000)}`}`);
  }
  return name === "pg_ctl" ? "" : decode(output.stdout);
}
