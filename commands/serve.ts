import { usageInvalid } from "../pipeline/failure.ts";
import { availableParallelism } from "../pipeline/runtime/thread_pool.ts";
import { createLog, logFormats, logLevels } from "../server/runtime/log.ts";
import { requestLogModes } from "../server/http/request_log.ts";
import { keptToken } from "../server/http/admin_token.ts";
import { isLoopback } from "../server/runtime/host.ts";
import { registryPatience } from "../server/service/service.ts";
import { startServer, unguarded } from "../server/server.ts";
import { readVertexEnvironment } from "./vertex_environment.ts";
import { importAtStart, importFlag } from "./imported_model.ts";
import { openRegistryOf, registryFlags } from "./cli/registry_flags.ts";
import { command, commonFlags } from "./cli/command.ts";
import { writeJsonFile } from "./cli/json_file.ts";
import { Interruption } from "./cli/signals.ts";
import type { Terminal } from "./cli/terminal.ts";

export default command({
  name: "serve",
  summary: "the HTTP server",
  description:
    "Serves the model in production until Ctrl-C or SIGTERM, and switches when another one is assigned. When ready, it\n" +
    'prints one line, with or without --json, and writes it to --json-file: {"listening":"http://127.0.0.1:7999","model_id":…}.\n\n' +
    "The admin token is CLICKWELL_ADMIN_TOKEN, or the content of --admin-token-file; if it is set, every write over HTTP\n" +
    "needs Authorization: Bearer TOKEN. Without it, writes are open on loopback; with --require-token, and on any other\n" +
    "address, the token is in DATA/admin-token, which the first start creates and prints.\n\n" +
    "On SIGTERM, /readyz answers 503, requests are served for --drain-delay, then those in flight are finished; on\n" +
    "Ctrl-C, without the delay. A second signal ends the process at once.",
  flags: {
    ...commonFlags,
    ...registryFlags,
    host: { type: "string", value: "HOST", help: "address to listen on [127.0.0.1; on Vertex AI 0.0.0.0]" },
    port: {
      type: "integer",
      value: "PORT",
      min: 0,
      max: 65_535,
      help: "port to listen on; 0 takes a free one [7999; on Vertex AI AIP_HTTP_PORT]",
    },
    workers: {
      type: "integer",
      value: "N",
      min: 1,
      max: 256,
      help: "number of threads that serve requests; default: the number of cores",
    },
    "admin-token-file": { type: "string", value: "FILE", path: "whole", help: "file with the admin token" },
    "require-token": {
      type: "boolean",
      help: "require a token for writes on loopback, too; default token: the one in DATA/admin-token",
    },
    insecure: { type: "boolean", help: "allow writes without a token on any address" },
    "drain-delay": {
      type: "number",
      value: "SECONDS",
      default: 5,
      min: 0,
      max: 600,
      help: "seconds to keep serving after /readyz turns 503, so that load balancers can stop routing",
    },
    "drain-timeout": {
      type: "number",
      value: "SECONDS",
      default: 20,
      min: 0,
      max: 600,
      help: "seconds that requests in flight may take to finish",
    },
    ...importFlag,
    "log-format": { type: "string", choices: logFormats, default: "text", help: "log format" },
    "log-requests": {
      type: "string",
      choices: requestLogModes,
      default: "none",
      help: "which requests to log; costs speed",
    },
    "log-level": { type: "string", choices: logLevels, default: "info", help: "minimum log level" },
  },
  examples: [
    ["clickwell serve", "on http://127.0.0.1:7999"],
    ["clickwell serve --port 0 --log-format json", "on a free port, with a JSON log"],
    ["clickwell serve --workers 4", "four threads on one port, which switch models at the same moment"],
    [
      "CLICKWELL_ADMIN_TOKEN=$(openssl rand -hex 32) clickwell serve --host 0.0.0.0",
      "for other machines; changing the model requires the token",
    ],
    ["clickwell serve --host 0.0.0.0", "the same with a token in data/admin-token, created and printed once"],
  ],
  async run({ options, terminal, signal }) {
    rejectServeAddress();
    const vertex = readVertexEnvironment((name) => Deno.env.get(name));
    const hostname = options.host ?? (vertex ? "0.0.0.0" : "127.0.0.1");
    const tokenFile = options["admin-token-file"];
    const given = readToken(tokenFile);
    if (tokenFile !== undefined) noteReaders(tokenFile, terminal);
    const isRequired = options["require-token"] || (!isLoopback(hostname) && !options.insecure);
    const token = given === undefined && isRequired ? tokenOfStore(options.data, hostname, terminal) : given;
    const log = createLog({
      format: options["log-format"],
      level: options["log-level"],
      write: terminal.say,
    });
    const imported = options.import ?? vertex?.storage;
    if (imported !== undefined) await importAtStart(imported, options, terminal);
    const registry = await openRegistryOf(options, registryPatience);
    const server = await startServer({
      registry,
      dataDir: options.data,
      modelsDir: options.models,
      hostname,
      port: options.port ?? vertex?.port ?? 7999,
      vertex: vertex?.paths,
      workers: options.workers ?? availableParallelism(),
      token,
      insecure: options.insecure,
      drainDelayMs: 1000 * options["drain-delay"],
      drainTimeoutMs: 1000 * options["drain-timeout"],
      logRequests: options["log-requests"],
      log,
    });
    if (token === undefined) {
      log.warn("writes are open", {
        detail:
          `Every program that reaches ${server.origin} can change the model in production, including requests through ` +
          "a proxy on this machine. Start with --require-token, or set CLICKWELL_ADMIN_TOKEN.",
      });
    }
    const ready = { listening: server.origin, model_id: server.modelId ?? null };
    if (options["json-file"] !== undefined) await writeJsonFile(options["json-file"], ready);
    terminal.print(JSON.stringify(ready));
    const broken = await Promise.race([aborted(signal), server.broken]);
    // A person who presses Ctrl-C waits; SIGTERM comes from an orchestrator, whose load balancer needs the delay.
    const { reason } = signal;
    await server.stop({ withoutDelay: reason instanceof Interruption && reason.signal === "SIGINT" });
    if (broken) throw broken;
  },
});

/** @throws {Failure} `usage-invalid` */
function tokenOfStore(dataDir: string, hostname: string, terminal: Terminal): string {
  const kept = keptToken(dataDir);
  if (kept === undefined) {
    if (!isLoopback(hostname)) throw unguarded(hostname);
    throw usageInvalid(
      `Cannot keep an admin token in ${dataDir}: the folder is not writable. Set CLICKWELL_ADMIN_TOKEN (or the file ` +
        "CLICKWELL_ADMIN_TOKEN_FILE).",
    );
  }
  if (kept.isNew) terminal.say(`Created an admin token, kept in ${kept.path}: ${kept.token}`);
  return kept.token;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Rejects DENO_SERVE_ADDRESS, with which the runtime would ignore --host and --port. */
function rejectServeAddress(): void {
  const address = Deno.env.get("DENO_SERVE_ADDRESS");
  if (!address) return;
  throw usageInvalid(
    `DENO_SERVE_ADDRESS is ${JSON.stringify(address)}, which would override --host and --port. Unset it.`,
  );
}

/**
 * Reads the token from the environment or a file; never from a flag, which every user of the machine can see.
 *
 * @returns undefined if there is none.
 * @throws {Failure} `usage-invalid` for a file that cannot be read or is empty.
 */
function readToken(path: string | undefined): string | undefined {
  const given = Deno.env.get("CLICKWELL_ADMIN_TOKEN")?.trim();
  if (path === undefined) return given || undefined;
  if (given) {
    throw usageInvalid(
      "The admin token is given twice: unset CLICKWELL_ADMIN_TOKEN or --admin-token-file (CLICKWELL_ADMIN_TOKEN_FILE).",
    );
  }
  let token: string;
  try {
    token = Deno.readTextFileSync(path).trim();
  } catch {
    throw usageInvalid(`Cannot read the admin token from ${path}: it does not exist or is not readable.`);
  }
  if (/^\S+$/.test(token)) return token;
  throw usageInvalid(`The admin token in ${path} is empty or has spaces, expected one word.`);
}

/**
 * Notes that others can read the token. Secrets that Docker and Kubernetes mount are such files, and links, in a container without
 * other users: they are not rejected.
 */
function noteReaders(path: string, terminal: Terminal): void {
  const { mode } = Deno.statSync(path);
  if (mode === null || (mode & 0o004) === 0) return;
  terminal.say(
    `note: every user of this machine can read the admin token in ${path}. If there are others, chmod 600 it and change the token.`,
  );
}
