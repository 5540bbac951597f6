import pythonFoundation from "./foundation.py.txt" with { type: "text" };
import typescriptFoundation from "./foundation.ts.txt" with { type: "text" };
import { type Document, readInterface } from "./interface.ts";
import { writePython } from "./python.ts";
import { writeTypescript } from "./typescript.ts";

/** Returns the files of the clients by path in the repository. */
export function writeClients(document: Document): Readonly<Record<string, string>> {
  const read = readInterface(document);
  return {
    "clients/typescript/clickwell.ts": writeTypescript(read, typescriptFoundation),
    "clients/python/clickwell.py": writePython(read, pythonFoundation),
  };
}
