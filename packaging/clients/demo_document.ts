import { join } from "node:path";
import { createLog } from "../../server/runtime/log.ts";
import { createService } from "../../server/service/service.ts";
import type { Document } from "./interface.ts";

/** Returns the OpenAPI document of a server with the first model of the demo: the same on every machine. */
export async function demoDocument(): Promise<Document> {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["run", "-A", "main.ts", "demo", "--data", folder, "--models", join(folder, "models")];
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" })
      .output();
    if (!success) throw new Error("The demo failed: clickwell demo says why.");
    return await documentOf(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @param folder Contains a store and its models. */
export async function documentOf(folder: string): Promise<Document> {
  const service = createService({
    dataDir: folder,
    modelsDir: join(folder, "models"),
    token: undefined,
    insecure: false,
    log: createLog({ format: "json", level: "error", write: console.error }),
  });
  await service.production.sync();
  const request = new Request("http://127.0.0.1/openapi.json", { headers: { host: "127.0.0.1" } });
  const response = await service.handler(request, {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  });
  return response.json();
}
