import { join } from "node:path";
import { createLog } from "../../server/runtime/log.ts";
import { createService } from "../../server/service/service.ts";
import type { Document } from "./interface.ts";
import { writePython } from "./python.ts";
import { writeTypescript } from "./typescript.ts";

/** Returns the files of the clients by path in the repository. */
export function writeClients(document: Document): Readonly<Record<string, string>> {
  return {
    "clients/typescript/clickwell.ts": writeTypescript(document),
    "clients/python/clickwell.py": writePython(document),
  };
}

/** Returns the OpenAPI document of a server with the first model of the demo: the same on every machine. */
export async function demoDocument(): Promise<Document> {
  const dataDir = await Deno.makeTempDir();
  const modelsDir = join(dataDir, "models");
  try {
    const args = ["run", "-A", "main.ts", "demo", "--data", dataDir, "--models", modelsDir];
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" })
      .output();
    if (!success) throw new Error("The demo failed: clickwell demo says why.");
    const log = createLog({ format: "json", level: "error", write: console.error });
    const service = createService({ dataDir, modelsDir, token: undefined, insecure: false, log });
    await service.production.sync();
    const request = new Request("http://127.0.0.1/openapi.json", { headers: { host: "127.0.0.1" } });
    const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
    return await (await service.handler(request, { remoteAddr })).json();
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}
