import { root } from "./bench.ts";

/** A server that a benchmark started. */
export interface ServerProcess {
  /** The address on which it listens, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** Stops it and waits until it has exited. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const readyWithinMs = 30_000;
const endWithinMs = 10_000;
const address = /https?:\/\/127\.0\.0\.1:\d+/;

/**
 * Starts a server and waits until it prints, on standard output or error, the address on which it listens.
 *
 * @throws {Error} if it exits before that, or takes too long.
 */
export async function startServer(
  command: readonly string[],
  options: ServerOptions = {},
): Promise<ServerProcess> {
  const [file, ...args] = command;
  const { cwd = root, env = {} } = options;
  const child = new Deno.Command(file, { args, cwd, env, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  let said = "";
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  const hear = (text: string) => {
    // Servers may log much later: output after the address is read and discarded.
    if (said.length < 100_000) said += text;
    const found = said.match(address);
    if (found) resolve(found[0]);
  };
  const heard = Promise.all([follow(child.stdout, hear), follow(child.stderr, hear)]);
  const fail = (what: string) =>
    reject(new Error(`${command.join(" ")} ${what} before it listened:\n${said}`));
  const timer = setTimeout(() => fail(`took ${readyWithinMs / 1000} s`), readyWithinMs);
  child.status.then(({ code }) => fail(`exited with ${code}`));
  const stop = async () => {
    end(child, "SIGINT");
    const killer = setTimeout(() => end(child, "SIGKILL"), endWithinMs);
    await child.status;
    clearTimeout(killer);
    await heard;
  };
  try {
    return { url: await listening, pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Starts servers, runs work with them, and always stops them. */
export async function withServers<Result>(
  starts: readonly (() => Promise<ServerProcess>)[],
  work: (servers: readonly ServerProcess[]) => Promise<Result>,
): Promise<Result> {
  const servers: ServerProcess[] = [];
  try {
    for (const start of starts) servers.push(await start());
    return await work(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function follow(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  hear: (text: string) => void,
): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) hear(text);
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch { /* it has already exited */ }
}
