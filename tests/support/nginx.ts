import { join } from "node:path";
import { root } from "./program.ts";
import { freePort } from "./free_port.ts";

/** A real nginx with the configuration of docs/proxy.md, before a server. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
}

/** True where nginx can be run. */
export async function hasNginx(): Promise<boolean> {
  try {
    return (await new Deno.Command("nginx", { args: ["-v"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

/** The configuration on the page, to copy. */
async function documentedConfiguration(): Promise<string> {
  const page = await Deno.readTextFile(join(root, "docs/proxy.md"));
  const [, configuration] = /```nginx\n([^]*?)```/.exec(page) ?? [];
  if (configuration === undefined) throw new Error("docs/proxy.md has no configuration of nginx");
  return configuration;
}

/**
 * @param upstreamPort Where the server listens.
 * @param replace Texts in place of others, for tests that cannot wait as long as a client may.
 */
export async function startNginx(
  folder: string,
  upstreamPort: number,
  replace: Readonly<Record<string, string>> = {},
): Promise<Nginx> {
  const port = freePort();
  const replacements = {
    "server 127.0.0.1:7999;": `server 127.0.0.1:${upstreamPort};`,
    "listen 80 default_server;": `listen 127.0.0.1:${port} default_server;`,
    "listen 80;": `listen 127.0.0.1:${port};`,
    ...replace,
  };
  let configuration = await documentedConfiguration();
  for (const [before, after] of Object.entries(replacements)) {
    if (!configuration.includes(before)) throw new Error(`docs/proxy.md has no "${before}"`);
    configuration = configuration.replaceAll(before, after);
  }
  return await runNginx(folder, port, configuration);
}

/** A minimal nginx configuration: only `proxy_pass`. */
export function startPlainNginx(folder: string, upstreamPort: number): Promise<Nginx> {
  const port = freePort();
  const location = `location / { proxy_pass http://127.0.0.1:${upstreamPort}; }`;
  return runNginx(folder, port, `server { listen 127.0.0.1:${port}; ${location} }`);
}

async function runNginx(folder: string, port: number, configuration: string): Promise<Nginx> {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    `${name}_temp_path ${join(folder, name)};`
  );
  const file = join(folder, "nginx.conf");
  await Deno.writeTextFile(
    file,
    // A folder of the one who runs the tests is closed to nginx' own user.
    `${Deno.uid() === 0 ? "user root; " : ""}daemon off; pid ${join(folder, "pid")}; error_log ${
      join(folder, "error.log")
    };\n` +
      `events { worker_connections 1024; }\nhttp { access_log off; ${paths.join(" ")}\n${configuration}\n}\n`,
  );
  const child = new Deno.Command("nginx", {
    args: ["-p", folder, "-c", file, "-e", join(folder, "error.log")],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stderr = child.stderr.text();
  for (let tries = 0; !await listens(port); tries++) {
    if (tries < 100) continue;
    child.kill("SIGKILL");
    throw new Error(`nginx does not listen: ${await stderr}`);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await stderr;
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return false;
  }
}
