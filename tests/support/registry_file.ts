import type { RegistryFile } from "../../pipeline/model/registry_queries.ts";
import { openRegistryFile } from "../../pipeline/store/registry_file.ts";

/** Opens the registry of a data folder for one piece of work, as another process would: at once, or not at all. */
export function inRegistry<T>(
  dataDir: string,
  work: (file: RegistryFile) => T,
  mode: "read" | "write" | "create" = "write",
): T {
  const file = openRegistryFile(dataDir, { mode, freeBytesMin: 0 });
  try {
    return work(file);
  } finally {
    file.close();
  }
}
