import type { RegistryFile } from "../../pipeline/model/registry_queries.ts";
import { openRegistryFile } from "../../pipeline/store/registry_file.ts";

/** Runs `work` on the open registry of a data folder, as another process would, without retries. */
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
