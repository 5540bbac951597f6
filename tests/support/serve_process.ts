import { spawn, type Surroundings } from "./program.ts";

/** A `clickwell serve` in a separate process. */
export interface ServeProcess extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  readonly pid: number;
  /** The line that the server printed when it was ready. */
  readonly ready: { readonly listening: string; readonly model_id: string | null };
  kill(signal: Deno.Signal): void;
  /** Waits until the process has exited. */
  ended(): Promise<{ code: number; stderr: string }>;
}

/** Starts a server on a free port and waits until it is ready. */
export function startServe(flags: readonly string[], surroundings?: Surroundings): Promise<ServeProcess> {
  return whenReady(spawn(["serve", "--port", "0", ...flags], surroundings));
}

/**
 * Waits until a server is ready.
 *
 * @throws {Error} if it exits before.
 */
export async function whenReady(child: Deno.ChildProcess): Promise<ServeProcess> {
  const stderr = child.stderr.text();
  const [line, rest] = await firstLine(child.stdout);
  if (line === "") {
    const { code } = await child.status;
    throw new Error(`serve exited with ${code} before it was ready: ${await stderr}`);
  }
  const ready = JSON.parse(line);
  let hasExited = false;
  const ended = async () => {
    const { code } = await child.status;
    hasExited = true;
    await rest.cancel();
    return { code, stderr: await stderr };
  };
  return {
    origin: ready.listening,
    port: Number(new URL(ready.listening).port),
    pid: child.pid,
    ready,
    kill: (signal) => child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (hasExited) return;
      child.kill("SIGKILL");
      await ended();
    },
  };
}

/** Posts a JSON body. @returns The status and the parsed answer. */
export async function postJson(origin: string, path: string, body: unknown) {
  const response = await fetch(origin + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}

async function firstLine(
  stream: ReadableStream<Uint8Array>,
): Promise<[line: string, rest: ReadableStreamDefaultReader<Uint8Array>]> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return [text.split("\n")[0], reader];
}
