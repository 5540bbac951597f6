import { openRegistryAt, type RegistryPatience } from "../../pipeline/model/open_registry.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import type { commonFlags, Flags, Options } from "./command.ts";

/** The flags of commands that use the registry of models. */
export const registryFlags = {
  registry: {
    type: "string",
    value: "URL",
    help:
      "registry in PostgreSQL, postgres://USER:PASSWORD@HOST:PORT/DATABASE; better as CLICKWELL_REGISTRY, which other users cannot " +
      "see; default: clickwell.db in the data folder",
  },
  "registry-ca": {
    type: "string",
    value: "FILE",
    path: "whole",
    help:
      "certificate of the authority that signed that of the registry's server; default: the system's authorities",
  },
} as const satisfies Flags;

/** The settings that say where the registry is. */
export type RegistryOptions = Options<typeof registryFlags & Pick<typeof commonFlags, "data">>;

/** Opens the registry that a command's flags name. @throws {Failure} `usage-invalid` */
export function openRegistryOf(options: RegistryOptions, patience?: RegistryPatience): Promise<Registry> {
  const { data: dataDir, registry: url, "registry-ca": caFile } = options;
  return openRegistryAt({ dataDir, url, caFile }, patience);
}

/** Opens the registry for some work. */
export async function withRegistry<T>(
  options: RegistryOptions,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const registry = await openRegistryOf(options);
  try {
    return await work(registry);
  } finally {
    await registry.close();
  }
}
