import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free_port.ts";

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

/** A server of PostgreSQL in a temporary folder, on a free port of this machine. */
export interface PostgresServer extends AsyncDisposable {
  /** The folder of its socket. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  /** The URL of its database for the superuser. @param parameters As `schema=a&sslmode=disable`. */
  url(parameters?: string): string;
  /** Runs a script of psql. @returns Unaligned rows, without headings. @throws {Error} if a statement fails. */
  query(script: string): Promise<string[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops its processes where they are, or lets them go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): Promise<void>;
}

export interface PostgresServerOptions {
  /** Files with the certificate and key of the server, in PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

const password = "a/b@c:d%e";

export async function startPostgres({ tls }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = await Deno.makeTempDir({ prefix: "clickwell-postgres-" });
  const cluster = join(folder, "cluster");
  const port = freePort();
  const give = async (path: string) => {
    if (user.uid !== undefined) await Deno.chown(path, user.uid, user.gid);
  };
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    await give(path);
    return path;
  };
  await give(folder);
  const secret = await write("password", password);
  const login = ["-A", "scram-sha-256", "-U", "postgres", `--pwfile=${secret}`];
  await call("initdb", ["-D", cluster, ...login, "-E", "UTF8", "--locale=C", "-N"]);
  const settings = ["-c listen_addresses=127.0.0.1", "-c fsync=off", "-c max_connections=60"];
  if (tls) {
    const [certificate, key] = [
      await write("server.crt", tls.certificate),
      await write("server.key", tls.key),
    ];
    settings.push("-c ssl=on", `-c ssl_cert_file=${certificate}`, `-c ssl_key_file=${key}`);
  }
  const options = `-k ${folder} -p ${port} ${settings.join(" ")}`;
  const start = async () => {
    await call("pg_ctl", ["-D", cluster, "-l", join(folder, "log"), "-o", options, "-w", "start"]);
  };
  const stop = async () => {
    await call("pg_ctl", ["-D", cluster, "-m", "immediate", "-w", "stop"]);
  };
  const signal = async (name: "SIGSTOP" | "SIGCONT") => {
    const pid = Number((await Deno.readTextFile(join(cluster, "postmaster.pid"))).split("\n")[0]);
    for (const process of [pid, ...childrenOf(pid)]) Deno.kill(process, name);
  };
  await start();
  return {
    folder,
    port,
    password,
    url: (parameters = "") =>
      `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres${
        parameters && `?${parameters}`
      }`,
    async query(script) {
      const path = await write("script.sql", script);
      const output = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", path];
      const place = ["-h", folder, "-p", String(port), "-U", "postgres", "-d", "postgres"];
      return (await call("psql", [...place, ...output], { PGPASSWORD: password })).trimEnd().split("\n");
    },
    stop,
    start,
    signal,
    async [Symbol.asyncDispose]() {
      if (existsSync(join(cluster, "postmaster.pid"))) {
        await signal("SIGCONT").catch(() => {});
        await stop();
      }
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Runs a script of psql in a new database. @returns Unaligned rows, without headings. */
export async function runPostgres(script: string): Promise<string[]> {
  await using server = await startPostgres();
  return await server.query(script);
}

const pgbouncer = "/usr/sbin/pgbouncer";

/** True where pgbouncer is installed as Debian does. */
export function hasPgbouncer(): boolean {
  return existsSync(pgbouncer);
}

/** A pgbouncer in front of a server, which gives each transaction any connection of two. */
export async function startPgbouncer(
  server: PostgresServer,
): Promise<AsyncDisposable & { readonly port: number }> {
  const port = freePort();
  const folder = await Deno.makeTempDir({ prefix: "clickwell-pgbouncer-" });
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(join(folder, name), text, { mode: 0o600 });
    if (user.uid !== undefined) await Deno.chown(join(folder, name), user.uid, user.gid);
  };
  await write("users", `"postgres" "${server.password}"\n`);
  await write(
    "pgbouncer.ini",
    `[databases]
postgres = host=127.0.0.1 port=${server.port} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, "users")}
pool_mode = transaction
default_pool_size = 2
`,
  );
  if (user.uid !== undefined) await Deno.chown(folder, user.uid, user.gid);
  const child = new Deno.Command(pgbouncer, {
    args: ["-q", join(folder, "pgbouncer.ini")],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...user,
  }).spawn();
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function childrenOf(parent: number): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
    } catch {
      return false;
    }
  });
}

async function call(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const output = await new Deno.Command(join(postgresPrograms ?? "", name), {
    args: [...args],
    cwd: "/",
    env: { ...env },
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
