/**
 * Writes clients/: the clients for TypeScript and Python, from an OpenAPI document.
 *
 *     deno task clients              of the demo's model, as they are in the repository
 *     deno task clients URL FOLDER   of a running server's model, into another folder
 */
import { dirname, join } from "node:path";
import { demoDocument, writeClients } from "./packaging/clients/write_clients.ts";

const [url, folder = "."] = Deno.args;
const document = url === undefined
  ? await demoDocument()
  : await (await fetch(new URL("/openapi.json", url))).json();
for (const [path, text] of Object.entries(writeClients(document))) {
  const target = join(folder, path);
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.writeTextFile(target, text);
  console.error(target);
}
