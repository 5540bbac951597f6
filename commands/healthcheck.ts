import { Failure } from "../pipeline/failure.ts";
import { originOf } from "../server/runtime/host.ts";
import { command, commonFlags } from "./cli/command.ts";
import { parseJsonOfDoubles } from "../pipeline/exact_json.ts";

export default command({
  name: "healthcheck",
  summary: "check whether a running server is ready",
  description:
    "Exits with 0 if GET /readyz answers 200, else with 1. Made for the HEALTHCHECK of a container: needs no shell and no curl.",
  flags: {
    ...commonFlags,
    host: { type: "string", value: "HOST", default: "127.0.0.1", help: "server host" },
    port: { type: "integer", value: "PORT", default: 7999, min: 1, max: 65_535, help: "server port" },
    url: { type: "string", value: "URL", help: "server URL (overrides --host and --port)" },
    timeout: { type: "number", value: "SECONDS", default: 3, min: 0.1, max: 60, help: "time limit" },
  },
  examples: [
    ["clickwell healthcheck", "the server on this machine's port 7999"],
    ["clickwell healthcheck --port 8080 --timeout 1", "another port"],
  ],
  async run({ options, terminal, signal }) {
    const origin = options.url ?? originOf(reachable(options.host), options.port);
    const url = readyUrl(origin);
    const response = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(1000 * options.timeout)]));
    if (response.ok) {
      terminal.say(`${origin} is ready.`);
      return { ready: true };
    }
    throw new Failure("server-unready", `${origin} is not ready: ${await reasonIn(response)}`);
  },
});

/** Returns the host to connect to: loopback for a server that listens on every address. */
function reachable(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}

function readyUrl(base: string): URL {
  const url = URL.parse("/readyz", base);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new Failure(
    "usage-invalid",
    `--url is ${JSON.stringify(base)}, expected one like http://127.0.0.1:7999`,
  );
}

async function ask(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal, redirect: "manual" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("server-unready", `${url.origin} does not answer: ${reason}`);
  }
}

async function reasonIn(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem: unknown = parseJsonOfDoubles(text);
    if (typeof problem === "object" && problem !== null && "detail" in problem) return String(problem.detail);
  } catch { /* not a problem document: report the status */ }
  return `it answered ${response.status}.`;
}
