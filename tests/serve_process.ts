/** A `clickwell serve` in a process of its own. */
export interface ServeProcess extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** The line that it printed when it was ready. */
  readonly ready: { readonly listening: string; readonly model_id: string | null };
  kill(signal: Deno.Signal): void;
  /** Waits for its end. */
  ended(): Promise<{ code: number; stderr: string }>;
}

export interface ServeOptions {
  readonly flags: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** File descriptors that the process may have. */
  readonly descriptorsMax?: number;
}

const permissions = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
  "--allow-sys",
];

/** Runs any command to its end, from source. */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, mainPath(), ...words],
    env: { ...environment },
    stdin: "null",
  }).output();
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

/** Starts a server on a free port and waits until it is ready. */
export async function startServe(
  { flags, environment = {}, descriptorsMax }: ServeOptions,
): Promise<ServeProcess> {
  const words = [Deno.execPath(), "run", ...permissions, mainPath(), "serve", "--port", "0", ...flags];
  // The runtime raises the soft limit to the hard one, so both have to be set.
  const limited = descriptorsMax === undefined
    ? words
    : ["sh", "-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`, ...words];
  const process = new Deno.Command(limited[0], {
    args: limited.slice(1),
    env: { ...environment },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = process.stderr.text();
  const [line, rest] = await firstLine(process.stdout);
  if (line === "") {
    const { code } = await process.status;
    throw new Error(`serve ended with ${code} before it was ready: ${await stderr}`);
  }
  const ready = JSON.parse(line);
  let over = false;
  const ended = async () => {
    const { code } = await process.status;
    over = true;
    await rest.cancel();
    return { code, stderr: await stderr };
  };
  return {
    origin: ready.listening,
    port: Number(new URL(ready.listening).port),
    ready,
    kill: (signal) => process.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (over) return;
      process.kill("SIGKILL");
      await ended();
    },
  };
}

async function firstLine(
  stream: ReadableStream<Uint8Array>,
): Promise<[line: string, rest: ReadableStreamDefaultReader<Uint8Array>]> {
  const reader = stream.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += textOf(value);
  }
  return [text.split("\n")[0], reader];
}

function mainPath(): string {
  return new URL("../main.ts", import.meta.url).pathname;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
